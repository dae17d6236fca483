"""Scale: a full sync, a sync of few changes, searches and memory at several numbers of stones, with real processes.

python -m benchmarks.scale [--stones 50000 500000]    measures; writes benchmarks/results/scale/measured.json and the curve
python -m benchmarks.scale --plot                     draws docs/explanation/scale.svg of the stored figures

The processes are those of `make up`: a simulated supplier, a broker, workers, a consolidator and an API share the cores.
"""

import argparse
import asyncio
import os
import random
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import aiohttp
import msgspec
import uvloop

from benchmarks import scale_plot
from benchmarks.client import HttpRequest
from benchmarks.facets import Query, page_with_facets, total
from benchmarks.figures import percentiles_ms
from benchmarks.processes import peak_bytes
from benchmarks.search import random_search
from inventory.catalog.index.search import IndexedSearch
from inventory.catalog.index.search_index import SearchIndex
from inventory.catalog.repository import PostgresSearch
from inventory.core import logging
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.runs.models import Run
from sandbox.installation import Installation, InstallationOptions, install
from sandbox.instructions import create_keys
from sandbox.progress import NoDisplay
from sandbox.stack.signals import stopping_on_signals

MEASURED = Path(__file__).parent / "results" / "scale" / "measured.json"

_MIB = 1_048_576
_SEED = 1
_CHANGED = 1_000
_SEARCHES = 100
_REQUEST_SECONDS = 2.0
_CONNECTIONS = 8


async def measure(stones: int) -> scale_plot.Point:
    """Measure one number of stones."""
    settings = {variable.name for variable in Settings.variables()}
    surroundings = {name: value for name, value in os.environ.items() if name not in settings}
    async with install(
        InstallationOptions(stones=stones, seed=_SEED, port=0), surroundings, NoDisplay()
    ) as installation:
        (full,) = await installation.sync(NoDisplay())
        await installation.ready()
        changed = min(_CHANGED, stones // 10)
        await _change(installation, changed)
        (later,) = await installation.sync(NoDisplay())
        built, index_bytes, (total_ms, page_ms) = await _search(installation.database)
        await _request(installation)
        return scale_plot.Point(
            stones=stones,
            changed=changed,
            read_seconds=_seconds(full.started_at, full.consolidate_requested_at),
            consolidate_seconds=_seconds(full.consolidate_requested_at, full.consolidated_at),
            later_seconds=_consolidation(later),
            index_seconds=built,
            index_bytes=index_bytes,
            total_ms=total_ms,
            page_ms=page_ms,
            memory_mib={
                role: max(
                    round(peak_bytes(process.pid or 0) / _MIB)
                    for name, process in installation.programs.items()
                    if name.partition("-")[0] == role
                )
                for role in scale_plot.ROLES
            },
        )


def _seconds(begun: datetime | None, ended: datetime | None) -> float:
    assert begun is not None, "the run has completed"
    assert ended is not None, "the run has completed"
    return round((ended - begun).total_seconds(), 2)


def _consolidation(run: Run) -> float:
    return _seconds(run.consolidate_requested_at, run.consolidated_at)


async def _change(installation: Installation, count: int) -> None:
    """Change some stones at the supplier."""
    supplier = installation.stack.supplier
    assert supplier is not None, "the stack starts one"
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.post(f"{supplier.control_url}/control/change", json={"count": count, "seed": _SEED}),
    ):
        return


async def _search(database: Database) -> tuple[float, float, list[tuple[float, float]]]:
    """Build a search index, and ask it. Returns its seconds, its bytes for each stone, and percentiles of each kind."""
    index = SearchIndex(database)
    following = asyncio.create_task(index.run())
    begun = time.perf_counter()
    await index.built()
    built = round(time.perf_counter() - begun, 2)
    search = IndexedSearch(database, index, PostgresSearch(database))
    chance = random.Random(_SEED)
    searches = [random_search(chance) for _ in range(_SEARCHES)]
    kinds: Sequence[Query] = (total, page_with_facets)
    found = []
    for query in kinds:
        taken = []
        for criteria, order in searches:
            begun = time.perf_counter()
            await query(search, criteria, order)
            taken.append(time.perf_counter() - begun)
        p50, p99 = percentiles_ms(taken, (0.5, 0.99))
        found.append((p50, p99))
    following.cancel()
    return built, round(index.size_bytes / index.stones, 1), found


async def _request(installation: Installation) -> None:
    """Send requests to the API, so that its memory is that of a process in use."""
    headers = {"X-API-Key": (await create_keys(installation.database)).shop}
    address = f"{installation.url}/api/v2/diamonds"
    for query in ("shape=ROUND", "sort=carat", "shape=OVAL"):
        await HttpRequest.get(f"{address}?{query}", headers).send_repeatedly(_REQUEST_SECONDS, _CONNECTIONS)


async def _run(sizes: Sequence[int]) -> list[scale_plot.Point]:
    points = []
    async with stopping_on_signals():
        for stones in sizes:
            sys.stderr.write(f"{stones:,} stones ...\n")
            points.append(await measure(stones))
    return points


def main(arguments: Sequence[str]) -> None:
    """Measure, or draw the stored figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stones", type=int, nargs="+", default=[50_000, 500_000], help="Numbers of stones.")
    parser.add_argument("--plot", action="store_true", help="Only draw the stored figures.")
    chosen = parser.parse_args(arguments)
    if not chosen.plot:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            points = runner.run(_run(sorted(chosen.stones)))
        MEASURED.parent.mkdir(exist_ok=True)
        MEASURED.write_bytes(msgspec.json.format(msgspec.json.encode(points), indent=2) + b"\n")
    points = msgspec.json.decode(MEASURED.read_bytes(), type=list[scale_plot.Point])
    scale_plot.PLOT.write_text(scale_plot.svg(points), "utf-8")
    sys.stdout.write(scale_plot.table(points))


if __name__ == "__main__":
    logging.configure("WARNING", "auto", "bench")
    main(sys.argv[1:])
