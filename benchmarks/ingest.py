"""Ingest: pages of the supplier's bytes are decoded, mapped and staged with their checkpoints by the worker.

The limit is one COPY of the same rows, mapped already, into a table of the same shape.
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
    """How much is measured."""

    stones: Annotated[int, msgspec.Meta(ge=1, description="Stones that are staged each time.")] = 10_000
    at_once: Annotated[int, msgspec.Meta(ge=1, description="Partitions that the worker reads at a time.")] = 4
    rounds: Annotated[int, msgspec.Meta(ge=1, description="How often each is measured; the middle one counts.")] = 3
    seed: Annotated[int, msgspec.Meta(description="The same seed makes the same stones.")] = 1


QUICK = Options(stones=2_000, rounds=1)


async def measure(wanted: Options, servers: Servers) -> Report:
    """Stage the stones again and again, and copy them beside it."""
    items = list(payloads(wanted.stones, seed=wanted.seed))
    rows = raw_rows(map(observe, items), "nivoda", uuid4(), utc_now())
    paces: dict[int, list[Pace]] = {at_once: [] for at_once in (1, wanted.at_once)}
    copied: list[Pace] = []
    site = await servers.site()
    async with Database.open(site.settings.database) as database:
        pipeline = Pipeline(site, database)
        for _ in range(wanted.rounds):
            for at_once, measured in paces.items():
                await pipeline.empty()
                await pipeline.rest()
                _, seconds = await pipeline.read(items, at_once=at_once)
                measured.append(Pace(len(items) / seconds))
            await pipeline.rest()
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
    """Copy rows into a table of the shape of the raw table."""
    async with database.connection() as connection:
        await connection.execute(sql.limit_of_raw)
        begun = time.perf_counter()
        await connection.copy_records_to_table("raw_limit", records=rows, columns=RAW_COLUMNS)
        seconds = time.perf_counter() - begun
        await connection.execute(sql.drop_limit_of_raw)
    return seconds
