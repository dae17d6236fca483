"""Consolidation of a staged run into the inventory by the consolidator, including safety checks and events.

Three runs: a first load, a run in which every price has changed, a run without changes. The limits are single statements:
INSERT ... SELECT of mapped and priced rows into a table with the same indexes, the same with ON CONFLICT DO UPDATE, and one
comparison of all hashes.
"""

import time
from typing import Annotated

import msgspec

from benchmarks.figures import Figure, Pace, Report
from benchmarks.pipeline import Pipeline
from benchmarks.servers import Servers
from benchmarks.statements import sql
from benchmarks.stones import SUPPLIER, payloads
from inventory.core.database import Connection, Database
from inventory.runs.models import Run

_AT_ONCE = 4


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    stones: Annotated[int, msgspec.Meta(ge=1, description="Stones of each run.")] = 10_000
    rounds: Annotated[int, msgspec.Meta(ge=1, description="Measurements of each row; the median is reported.")] = 3
    seed: Annotated[int, msgspec.Meta(description="Random seed of the stones.")] = 1


QUICK = Options(stones=2_000, rounds=1)


async def measure(options: Options, servers: Servers) -> Report:
    """Consolidate the three runs, and measure the limit of each."""
    items = list(payloads(options.stones, seed=options.seed))
    raised = list(payloads(options.stones, seed=options.seed, raised_cents=100))
    stages = (
        ("first load", items, "INSERT ... SELECT of the mapped rows"),
        ("everything changed", raised, "the same, ON CONFLICT DO UPDATE"),
        ("nothing changed", raised, "SELECT that compares all hashes"),
    )
    paces: dict[str, tuple[list[Pace], list[Pace]]] = {name: ([], []) for name, _, _ in stages}
    site = await servers.site()
    async with Database.open(site.settings.database) as database:
        pipeline = Pipeline(site, database)
        for _ in range(options.rounds):
            await pipeline.truncate()
            for name, sent, _ in stages:
                measured, limited = paces[name]
                run, _ = await pipeline.read(sent, at_once=_AT_ONCE)
                await pipeline.vacuum_and_checkpoint()
                done, seconds = await pipeline.consolidate(run)
                _check(name, done, len(sent))
                measured.append(Pace(len(sent) / seconds))
                await pipeline.vacuum_and_checkpoint()
                limited.append(Pace(len(sent) / await _limit(database, name, run)))
    return Report(
        figures=[
            Figure(
                name=name,
                unit="stones/s",
                ours=Pace.middle(paces[name][0]),
                beside=limit,
                other=Pace.middle(paces[name][1]),
            )
            for name, _, limit in stages
        ]
    )


def _check(name: str, done: Run, stones: int) -> None:
    expected = (0, stones) if name == "nothing changed" else (stones, 0)
    if (done.upserted, done.unchanged) != expected:
        raise AssertionError(f"{name}: {done.upserted} upserted, {done.unchanged} unchanged of {stones}")


async def _limit(database: Database, name: str, run: Run) -> float:
    async with database.connection() as connection:
        if name == "first load":
            return await insert_seconds(connection)
        start_time = time.perf_counter()
        if name == "everything changed":
            await connection.execute(sql.upsert_all)
        else:
            await connection.fetchval(sql.compare_all, SUPPLIER, run.id)
        return time.perf_counter() - start_time


async def insert_seconds(connection: Connection) -> float:
    """Insert all diamonds into a table with the same columns and indexes. Returns the duration in seconds."""
    await connection.execute(sql.drop_diamonds_limit)
    await connection.execute(sql.create_diamonds_limit)
    start_time = time.perf_counter()
    await connection.execute(sql.insert_all)
    return time.perf_counter() - start_time
