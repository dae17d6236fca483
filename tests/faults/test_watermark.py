"""Watermark: when it moves, to which instant, and its effect on the next run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from inventory.runs.models import Run
from tests.faults.fault_injection import break_supplier
from tests.faults.fork_server import Child
from tests.faults.site import Site
from tests.faults.snapshot import against_supplier, check_figures, snapshot

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

# A permanent error: further attempts of a partition would not help.
REFUSE_TWO_PAGES: list[dict[str, Any]] = [
    {"kind": "status", "status": 403, "html": False, "count": 2, "operations": ["diamonds_by_query"]}
]
RESTLESS_RUNS = 2


def set_watermark(site: Site, instant: datetime) -> dict[str, str]:
    content = {"lastUpdatedAt": instant.isoformat(), "lastRunId": "by hand", "lastRunCompletedAt": instant.isoformat()}
    site.watermark_file.parent.mkdir(exist_ok=True)
    site.watermark_file.write_bytes(msgspec.json.encode(content))
    return content


async def test_invariant_07_failed_partitions_change_nothing_until_retried(site: Site) -> None:
    await site.complete()
    before, mark = await snapshot(site), site.watermark()
    await site.feed("POST", "change", {"count": 500, "seed": 7})
    await break_supplier(site, REFUSE_TWO_PAGES)
    attempt = await site.attempt("--full")
    run = attempt.run
    assert run is not None
    assert run.status == "partial"
    outcomes = await site.fetch(
        "SELECT status, count(*) AS parts FROM worker_runs WHERE run_id = $1 GROUP BY 1", run.id
    )
    assert {row["status"] for row in outcomes} == {"failed", "succeeded"}
    assert "403" in (run.error_message or "")
    after = await snapshot(site)
    assert after.diamonds == before.diamonds
    assert site.watermark() == mark

    site.processes.forget()
    await site.output("retry", str(run.id))
    done = await site.ended()
    assert (done.id, done.status) == (run.id, "completed")
    retried = next(row["parts"] for row in outcomes if row["status"] == "failed")
    assert await site.value("SELECT count(*) FROM worker_runs WHERE attempts > 1") == retried, (
        "only those are read again"
    )
    assert not against_supplier(await snapshot(site), await site.truth(), ())
    assert not await check_figures(site, done), "the watermark is where the run's window closed"
    assert done.completed_at is not None
    assert done.window_to < done.completed_at


async def test_invariant_07_watermark_is_instant_before_first_count(
    site: Site,
) -> None:
    planning: list[datetime] = []

    async def watch(run: Run | None, _scheduler: Child | None) -> None:
        if run is None:
            planning[:] = [datetime.now(UTC)]

    (run,) = await site.complete(watch=watch)
    mark = site.watermark()
    assert mark is not None
    assert datetime.fromisoformat(mark["lastUpdatedAt"]) == run.window_to
    assert run.completed_at is not None
    assert run.window_to < run.completed_at - (run.completed_at - run.started_at) / 2
    assert run.window_to <= planning[0] + timedelta(seconds=5)


async def test_invariant_07_watermark_never_moves_back(site: Site) -> None:
    await site.complete()
    later: list[dict[str, str]] = []

    async def watch(run: Run | None, _scheduler: Child | None) -> None:
        # Another writer moves it further than this run.
        if run is not None and run.status == "running" and not later:
            later.append(set_watermark(site, datetime.now(UTC) + timedelta(seconds=2)))

    (run,) = await site.complete("--full", watch=watch)
    assert later
    assert site.watermark() == later[0]
    assert run.watermark_moved_at is None


async def test_backfill_does_not_move_watermark(site: Site) -> None:
    await site.complete()
    mark = site.watermark()
    await site.feed("POST", "change", {"count": 50, "seed": 3})
    (run,) = await site.complete("--full", "--no-watermark")
    assert not against_supplier(await snapshot(site), await site.truth(), ())
    assert site.watermark() == mark
    assert run.watermark_moved_at is None


async def test_invariant_08_no_change_is_between_windows_of_two_runs(site: Site) -> None:
    """Without overlap, so that the edges alone must suffice."""
    await site.complete()
    await site.feed("POST", "drift", {"per_second": 60, "seed": 5, "kinds": ["price", "add"]})
    exact = {"SYNC_OVERLAP_SECONDS": "0"}
    windows = []
    for _ in range(RESTLESS_RUNS):
        attempt = await site.attempt(settings=exact)
        assert attempt.run is not None
        assert (attempt.run.status, attempt.run.run_type) == ("completed", "incremental")
        windows.append(attempt.run)
    await site.feed("DELETE", "drift")
    attempt = await site.attempt(settings=exact)
    assert attempt.run is not None
    windows.append(attempt.run)
    assert [run.window_from for run in windows[1:]] == [run.window_to for run in windows[:-1]]
    assert not against_supplier(await snapshot(site), await site.truth(), ())
    assert all(run.distinct_stones for run in windows[:-1])


async def test_invariant_08_watermark_in_future_is_error_and_no_empty_run(site: Site) -> None:
    await site.complete()
    runs = await site.value("SELECT count(*) FROM run_metadata")
    mark = set_watermark(site, datetime.now(UTC) + timedelta(days=2))
    for _ in range(2):
        attempt = await site.attempt()
        assert attempt.exit_code == 1
        assert "future" in attempt.said
    assert await site.value("SELECT count(*) FROM run_metadata") == runs
    assert await site.value("SELECT array_agg(kind) FROM alerts") == ["watermark_in_future"]
    assert site.watermark() == mark
