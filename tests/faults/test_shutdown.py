"""SIGTERM: a process finishes its current work and exits. Its successor repeats almost nothing."""

import pytest

from inventory.runs.models import Run
from tests.faults.fork_server import Child
from tests.faults.kills import Reference
from tests.faults.options import SMALL
from tests.faults.site import Site
from tests.faults.snapshot import against_reference, check_figures, snapshot

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

PAGES = "SELECT coalesce(sum(pages), 0)::int FROM worker_runs"


async def pages_answered(site: Site) -> int:
    outcomes: dict[str, int] = (await site.feed("GET", "calls"))["operations"]["diamonds_by_query"]
    return outcomes["ok"]


async def test_stopped_worker_loses_at_most_open_pages(reference: Reference, site: Site) -> None:
    left: list[int | None] = []

    async def watch(run: Run | None, _scheduler: Child | None) -> None:
        at_work = site.processes.passed("worker-1")["after statement: stage_page"] >= 3
        if run is not None and run.status == "running" and at_work and not left:
            left.append(await site.processes["worker-1"].stop())

    (run,) = await site.complete(watch=watch)
    assert left == [0], "in order, and not cut off"
    slots = int(SMALL["SYNC_PARTITION_CONCURRENCY"])
    # One page of each slot was requested and not staged.
    assert await pages_answered(site) <= await site.value(PAGES) + slots
    assert await site.value(f"{PAGES} WHERE status <> 'succeeded'") == 0
    assert not against_reference(await snapshot(site), reference.snapshots[0])
    assert not await check_figures(site, run)
