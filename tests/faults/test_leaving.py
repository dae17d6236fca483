"""SIGTERM: a process puts down what it holds and leaves; whoever takes over does almost nothing twice."""

import pytest

from inventory.runs.models import Run
from tests.faults.fork_server import Child
from tests.faults.kills import Reference
from tests.faults.options import SMALL
from tests.faults.site import Site
from tests.faults.snapshot import against_reference, books, snapshot

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

PAGES = "SELECT coalesce(sum(pages), 0)::int FROM worker_runs"


async def pages_answered(site: Site) -> int:
    outcomes: dict[str, int] = (await site.feed("GET", "calls"))["operations"]["diamonds_by_query"]
    return outcomes["ok"]


async def test_a_worker_that_is_asked_to_leave_in_the_middle_reads_nothing_but_its_open_pages_again(
    reference: Reference, site: Site
) -> None:
    left: list[int | None] = []

    async def watch(run: Run | None, _scheduler: Child | None) -> None:
        at_work = site.processes.passed("worker-1")["after statement: stage_page"] >= 3
        if run is not None and run.status == "running" and at_work and not left:
            left.append(await site.processes["worker-1"].stop())

    (run,) = await site.complete(watch=watch)
    assert left == [0], "in order, and not cut off"
    slots = int(SMALL["SYNC_PARTITION_CONCURRENCY"])
    # One page of each slot had been asked for and was not staged any more.
    assert await pages_answered(site) <= await site.value(PAGES) + slots
    assert await site.value(f"{PAGES} WHERE status <> 'succeeded'") == 0
    assert not against_reference(await snapshot(site), reference.snapshots[0])
    assert not await books(site, run)
