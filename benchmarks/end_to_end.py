"""End to end: a full run in one process (plan by counts, read all pages, consolidate) with a supplier without latency.

The limit is one COPY of the mapped rows into the raw table and one INSERT ... SELECT of the priced rows.
"""

import time
from typing import Annotated
from uuid import uuid4

import msgspec

from benchmarks.consolidate import insert_seconds
from benchmarks.figures import Figure, Pace, Report
from benchmarks.heatmap import build_plan
from benchmarks.ingest import copy_seconds
from benchmarks.pipeline import Pipeline
from benchmarks.servers import Servers
from benchmarks.stones import payloads, raw_rows
from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.suppliers.nivoda.mapping import observe

_AT_ONCE = 4


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    stones: Annotated[int, msgspec.Meta(ge=1, description="Stones of the run.")] = 20_000
    rounds: Annotated[int, msgspec.Meta(ge=1, description="Measurements; the median is reported.")] = 3
    seed: Annotated[int, msgspec.Meta(description="Random seed of the stones.")] = 1


QUICK = Options(stones=2_000, rounds=1)


async def measure(options: Options, servers: Servers) -> Report:
    """Sync all stones into an empty inventory, then insert the same rows without the pipeline."""
    items = list(payloads(options.stones, seed=options.seed))
    prices = [msgspec.json.decode(item)["price"] for item in items]
    rows = raw_rows(map(observe, items), "nivoda", uuid4(), utc_now())
    ours, other = [], []
    site = await servers.site()
    async with Database.open(site.settings.database) as database:
        pipeline = Pipeline(site, database)
        for _ in range(options.rounds):
            await pipeline.truncate()
            await pipeline.vacuum_and_checkpoint()
            start_time = time.perf_counter()
            build_plan(prices, 8)
            run, _ = await pipeline.read(items, at_once=_AT_ONCE)
            await pipeline.consolidate(run)
            ours.append(Pace(len(items) / (time.perf_counter() - start_time)))
            await pipeline.vacuum_and_checkpoint()
            seconds = await copy_seconds(database, rows)
            async with database.connection() as connection:
                seconds += await insert_seconds(connection)
            other.append(Pace(len(items) / seconds))
    return Report(
        figures=[
            Figure(
                name="planned, read and consolidated",
                unit="stones/s",
                ours=Pace.middle(ours),
                beside="COPY and INSERT ... SELECT",
                other=Pace.middle(other),
            )
        ]
    )
