"""Supplier faults: errors, stalls, wrong data, rate limits."""

import asyncio
from typing import Any

import pytest

from inventory.runs.models import Run
from tests.faults.campaign import Campaign
from tests.faults.fault_injection import break_supplier, mixed
from tests.faults.fork_server import Child
from tests.faults.kills import Reference
from tests.faults.options import SMALL, Options
from tests.faults.site import Site, open_site
from tests.faults.snapshot import against_reference, against_supplier, check_figures, snapshot

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

PAGES = ["diamonds_by_query"]
SHORT = {"SYNC_RUN_DEADLINE_SECONDS": "8"}
MAX_SECONDS_LENGTH = 60


async def test_run_completes_with_fifth_of_calls_failing(reference: Reference, site: Site) -> None:
    await break_supplier(site, mixed(0.2), 3)
    attempt = await site.attempt()
    assert attempt.run is not None
    assert attempt.run.status == "completed"
    outcomes = (await site.feed("GET", "calls"))["operations"]["diamonds_by_query"]
    assert len(outcomes) > 4, f"calls failed in several ways: {outcomes}"
    found = await snapshot(site)
    assert not against_supplier(found, await site.truth(), ())
    assert not against_reference(found, reference.snapshots[0])
    assert not await check_figures(site, attempt.run)


@pytest.mark.parametrize(
    "rules",
    [
        [{"kind": "status", "status": 503, "operations": PAGES}],
        [{"kind": "status", "status": 429, "retry_after": 1, "operations": PAGES}],
        [{**rule, "operations": PAGES} for rule in mixed(1.0)],
    ],
    ids=["unavailable", "busy", "mixed"],
)
async def test_invariant_18_failing_pages_end_run_at_deadline_with_one_alert(
    rules: list[dict[str, Any]], site: Site
) -> None:
    await site.complete()
    before, mark = await snapshot(site), site.watermark()
    await break_supplier(site, rules)
    attempt = await site.attempt("--full", settings=SHORT, seconds=MAX_SECONDS_LENGTH)
    run = attempt.run
    assert run is not None
    assert run.status == "failed"
    assert run.completed_at is not None
    assert run.error_code in {"DEADLINE_PASSED", "PARTITIONS_FAILED"}
    assert run.error_message
    assert await site.value("SELECT count(*) FROM alerts WHERE run_id = $1", run.id) == 1
    assert site.watermark() == mark
    assert (await snapshot(site)).diamonds == before.diamonds


async def test_failing_calls_prevent_plan_and_alert_once(site: Site) -> None:
    await break_supplier(site, [{"kind": "status", "status": 502}])
    attempt = await site.attempt(settings={"NIVODA_TRIES": "3"}, seconds=MAX_SECONDS_LENGTH)
    assert attempt.exit_code == 1
    assert attempt.run is not None
    assert attempt.run.status == "failed"
    assert "502" in (attempt.run.error_message or "")
    assert await site.value("SELECT count(*) FROM alerts") == 1
    assert site.watermark() is None


async def test_scheduler_of_busy_supplier_gives_up_at_deadline(site: Site) -> None:
    await break_supplier(site, [{"kind": "status", "status": 429, "retry_after": 1}])
    attempt = await site.attempt(settings=SHORT, seconds=MAX_SECONDS_LENGTH)
    assert attempt.exit_code == 1
    assert attempt.run is not None
    assert attempt.run.status == "failed"
    assert attempt.run.error_code == "DEADLINE_PASSED"
    assert site.watermark() is None


async def test_supplier_outage_is_waited_out_without_redeliveries() -> None:
    settings = {"NIVODA_TRIES": "2", "SYNC_OUTAGE_SECONDS": "120"}
    async with open_site(Options(stones=1200, max_deliveries=2, settings=settings)) as site:
        await break_supplier(site, [{"kind": "status", "status": 503, "operations": PAGES}])
        noted: set[str] = set()
        waited = asyncio.Event()

        async def watch(run: Run | None, _scheduler: Child | None) -> None:
            if run is None or run.status != "running" or waited.is_set():
                return
            # Longer than two deliveries without waiting.
            await asyncio.sleep(8)
            noted.update(row["error_message"] for row in await site.fetch("SELECT error_message FROM worker_runs"))
            waited.set()
            await site.feed("DELETE", "faults")

        (run,) = await site.complete(watch=watch)
        assert any("503" in (message or "") for message in noted)
        assert await site.fetch("SELECT DISTINCT attempts, error_message FROM worker_runs") == [
            {"attempts": 1, "error_message": None}
        ]
        assert not await check_figures(site, run)


async def test_invariant_13_busy_supplier_slows_run_without_redeliveries() -> None:
    # Fewer calls than any caller without a limit makes.
    rate, burst = 6, 2
    settings = {"NIVODA_REQUESTS_PER_SECOND": str(rate), "NIVODA_BURST": str(burst)}
    async with open_site(Options(stones=1000, settings=settings)) as site:
        busy = {"kind": "status", "status": 429, "share": 0.15, "operations": [*PAGES, "diamonds_by_query_count"]}
        await break_supplier(site, [busy, {**busy, "share": 0.05, "retry_after": 1}], 5)
        attempt = await site.attempt()
        assert attempt.run is not None
        assert attempt.run.status == "completed"
        assert await site.fetch("SELECT DISTINCT attempts FROM worker_runs") == [{"attempts": 1}]
        report = await site.feed("GET", "calls")
        assert report["operations"]["diamonds_by_query"]["status_429"] > 0
        # Over the whole run, not per second: on a slow machine, calls that were granted at different times arrive
        # together.
        assert attempt.run.completed_at is not None
        seconds = (attempt.run.completed_at - attempt.run.started_at).total_seconds()
        calls = sum(sum(outcomes.values()) for outcomes in report["operations"].values())
        assert calls <= burst + rate * (seconds + 2), "three processes share one budget"
        assert not against_supplier(await snapshot(site), await site.truth(), ())


async def test_invariant_13_workers_without_redis_use_small_share(reference: Reference, site: Site) -> None:
    valkey = site.stack.valkey
    assert valkey is not None
    during: list[dict[str, Any]] = []

    async def watch(run: Run | None, _scheduler: Child | None) -> None:
        if run is None or run.status != "running" or during:
            return
        await valkey.kill()
        await asyncio.sleep(1.5)  # requests in flight have arrived
        await site.feed("DELETE", "calls")
        await asyncio.sleep(3)
        during.append(await site.feed("GET", "calls"))
        await valkey.start()

    (run,) = await site.complete(watch=watch)
    assert 0 < during[0]["max_per_second"] <= int(SMALL["NIVODA_REQUESTS_PER_SECOND"]) / 5
    assert not against_reference(await snapshot(site), reference.snapshots[0])
    assert not await check_figures(site, run)


async def test_repeated_stones_and_wrong_counts_are_harmless(reference: Reference, site: Site) -> None:
    async def unsettle(site: Site, number: int) -> None:
        rules = [{"kind": "repeat", "share": 0.3}, {"kind": "total_count", "share": 0.5}]
        await break_supplier(site, rules, number)

    result = await Campaign(site, reference, seed=0, per_run=0, say=print, unsettle=unsettle).run_round()
    assert result.clean, result.problems
