"""Ingest: the worker decodes pages of the supplier's bytes, maps the stones, and stages them with checkpoints.

The limit is one COPY of the same mapped rows into a table with the same columns and index.
"""

import time
from typing import Annotated
from uuid import uuid4

import msgspec

from benchmarks.figures import Figure, Pace, Report
from benchmarks.pipeline import Pipeline
from benchmarks.servers import Servers
from benchmarks.statements import sql
from benchmarks.stones import RAW_COLUMNS, payloads, raw_rows
from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.suppliers.nivoda.mapping import observe


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    stones: Annotated[int, msgspec.Meta(ge=1, description="Stones of each measurement.")] = 10_000
    at_once: Annotated[int, msgspec.Meta(ge=1, description="Partitions that the worker reads concurrently.")] = 4
    rounds: Annotated[int, msgspec.Meta(ge=1, description="Measurements of each row; the median is reported.")] = 3
    seed: Annotated[int, msgspec.Meta(description="Random seed of the stones.")] = 1


QUICK = Options(stones=2_000, rounds=1)


async def measure(options: Options, servers: Servers) -> Report:
    """Stage the stones by the worker, and copy the mapped rows, in each round."""
    items = list(payloads(options.stones, seed=options.seed))
    rows = raw_rows(map(observe, items), "nivoda", uuid4(), utc_now())
    paces: dict[int, list[Pace]] = {at_once: [] for at_once in (1, options.at_once)}
    copied: list[Pace] = []
    site = await servers.site()
    async with Database.open(site.settings.database) as database:
        pipeline = Pipeline(site, database)
        for _ in range(options.rounds):
            for at_once, measured in paces.items():
                await pipeline.truncate()
                await pipeline.vacuum_and_checkpoint()
                _, seconds = await pipeline.read(items, at_once=at_once)
                measured.append(Pace(len(items) / seconds))
            await pipeline.vacuum_and_checkpoint()
            copied.append(Pace(len(rows) / await copy_seconds(database, rows)))
    return Report(
        figures=[
            Figure(
                name=f"staged, {at_once} at a time",
                unit="stones/s",
                ours=Pace.middle(measured),
                beside="COPY of the mapped rows",
                other=Pace.middle(copied),
            )
            for at_once, measured in paces.items()
        ]
    )


async def copy_seconds(database: Database, rows: list[tuple[object, ...]]) -> float:
    """Copy rows into a table with the columns and index of the raw table. Returns the duration in seconds."""
    async with database.connection() as connection:
        await connection.execute(sql.create_raw_limit)
        start_time = time.perf_counter()
        await connection.copy_records_to_table("raw_limit", records=rows, columns=RAW_COLUMNS)
        seconds = time.perf_counter() - start_time
        await connection.execute(sql.drop_raw_limit)
    return seconds
