"""Changes of the feed: removed, returning and invalid stones, too many of either, and continuous changes."""

from typing import Any

import pytest

from inventory.runs.models import Run
from tests.faults.drift import drifting
from tests.faults.fork_server import Child
from tests.faults.points import KillOrder
from tests.faults.processes import Kill
from tests.faults.site import Site
from tests.faults.snapshot import Snapshot, against_supplier, check_figures, snapshot

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

BAD: dict[str, dict[str, Any]] = {
    "no weight": {"carats": None},
    "no price": {"price": None},
    "NUL": {"certNumber": "12\x0034"},
    "lone surrogate": {"certNumber": "12\ud83d34"},
    "beyond 64 bits": {"price": 1 << 70},
}


async def usable(site: Site, count: int) -> list[str]:
    return sorted(stone_id for stone_id, row in (await site.truth()).items() if row["usable"])[:count]


async def alerts(site: Site) -> list[str]:
    return [row["kind"] for row in await site.fetch("SELECT kind FROM alerts ORDER BY created_at")]


def statuses(found: Snapshot, stone_ids: list[str]) -> set[str]:
    return {found.diamonds[stone_id].status for stone_id in stone_ids}


async def test_invariant_10_only_full_run_deletes_and_returning_stone_is_restored(site: Site) -> None:
    await site.complete()
    gone = (await site.feed("POST", "remove", {"count": 60, "seed": 1}))["ids"]
    sold = [stone_id for stone_id in gone if stone_id in (await snapshot(site)).active]
    assert len(sold) > 40
    (run,) = await site.complete()
    assert run.run_type == "incremental"
    assert statuses(await snapshot(site), sold) == {"active"}
    (run,) = await site.complete("--full")
    found = await snapshot(site)
    assert found.with_status("deleted") == set(sold)
    assert run.deleted == len(sold)
    assert await site.value("SELECT count(*) FROM diamonds WHERE deleted_at IS NOT NULL") == len(sold)
    await site.feed("POST", "bring-back", {"ids": sold[:20]})
    (run,) = await site.complete()
    found = await snapshot(site)
    assert run.revived == 20
    assert found.with_status("deleted") == set(sold[20:])
    assert not against_supplier(found, await site.truth(), ())


async def test_invariant_10_failed_full_run_deletes_nothing(site: Site) -> None:
    await site.complete()
    await site.feed("POST", "remove", {"count": 60, "seed": 1})
    rule = {"kind": "status", "status": 403, "html": False, "count": 1, "operations": ["diamonds_by_query"]}
    await site.feed("POST", "faults", {"rules": [rule]})
    attempt = await site.attempt("--full")
    assert attempt.run is not None
    assert attempt.run.status == "partial"
    await site.output("consolidate", str(attempt.run.id), "--force")
    forced = await site.ended()
    assert forced.status == "completed"
    assert forced.forced_by
    assert (await snapshot(site)).with_status("deleted") == set()


async def test_invariant_10_mass_deletion_requires_confirmation(site: Site) -> None:
    await site.complete()
    before, mark = await snapshot(site), site.watermark()
    await site.feed("POST", "remove", {"count": 700, "seed": 2})
    attempt = await site.attempt("--full")
    assert attempt.run is not None
    assert (attempt.run.status, attempt.run.error_code) == ("failed", "MASS_DELETE_STOPPED")
    assert (await snapshot(site)).diamonds == before.diamonds
    assert site.watermark() == mark
    assert await alerts(site) == ["mass_delete_stopped"]
    await site.output("consolidate", "--allow-mass-delete", str(attempt.run.id))
    run = await site.ended()
    assert (run.id, run.status) == (attempt.run.id, "completed")
    assert run.mass_delete_allowed_by
    assert run.deleted > 600
    assert not against_supplier(await snapshot(site), await site.truth(), ())


async def test_invariant_11_invalid_stones_are_deactivated_kept_and_return(site: Site) -> None:
    await site.complete()
    stones = dict(zip(BAD, await usable(site, len(BAD)), strict=True))
    for kind, stone_id in stones.items():
        await site.feed("POST", "update", {"id": stone_id, "set": BAD[kind]})
    before = (await snapshot(site)).active
    (run,) = await site.complete()
    found = await snapshot(site)
    spoiled = list(stones.values())
    assert statuses(found, spoiled) == {"quarantined"}
    assert found.active == before - set(spoiled), "their neighbours pass"
    problems = "SELECT count(problem) FROM raw_diamonds_nivoda WHERE supplier_stone_id = ANY ($1)"
    assert await site.value(problems, spoiled) == len(BAD)
    assert run.quarantined == len(BAD), "each counts once"
    for stone_id in spoiled:
        await site.feed("POST", "update", {"id": stone_id, "restore": True})
    await site.complete()
    found = await snapshot(site)
    assert statuses(found, spoiled) == {"active"}
    assert not against_supplier(found, await site.truth(), ())


async def test_invariant_11_unknown_field_is_kept_in_raw_payload(site: Site) -> None:
    await site.complete()
    (stone_id,) = await usable(site, 1)
    await site.feed("POST", "update", {"id": stone_id, "set": {"diamond.carbon_score": {"value": 17}}})
    rules = [{"kind": "bad_data", "variants": ["unknown_field"], "operations": ["diamonds_by_query"]}]
    await site.feed("POST", "faults", {"rules": rules})
    (run,) = await site.complete("--full")
    assert run.quarantined == sum(not row["usable"] for row in (await site.truth()).values())
    assert not against_supplier(await snapshot(site), await site.truth(), ())


async def test_invariant_11_feed_of_invalid_items_fails_run_without_changes(site: Site) -> None:
    await site.complete()
    before, mark = await snapshot(site), site.watermark()
    for stone_id in await usable(site, 200):
        await site.feed("POST", "update", {"id": stone_id, "set": {"carats": 0}})
    attempt = await site.attempt("--full")
    assert attempt.run is not None
    assert (attempt.run.status, attempt.run.error_code) == ("failed", "QUARANTINE_EXCEEDED")
    assert (await snapshot(site)).diamonds == before.diamonds
    assert site.watermark() == mark
    assert await alerts(site) == ["quarantine_exceeded"]


async def test_invariant_01_changing_feed_loses_nothing_and_static_run_is_equal(
    site: Site,
) -> None:
    assert await drifting(site, per_second=40, seed=1) == []


async def test_stone_that_returns_during_resumed_consolidation_is_counted(site: Site) -> None:
    await site.complete()
    gone = (await site.feed("POST", "remove", {"count": 60, "seed": 1}))["ids"]
    site.processes.order("consolidator", [KillOrder("before statement: book_batch", 4)])
    died: list[Kill] = []

    async def watch(_run: Run | None, _scheduler: Child | None) -> None:
        if not died and (deaths := site.processes.deaths()):
            died.extend(deaths)
            await site.feed("POST", "bring-back", {"ids": gone})

    (run,) = await site.complete("--full", watch=watch)
    assert died
    assert run.deleted == 0
    assert not await check_figures(site, run)
    assert not against_supplier(await snapshot(site), await site.truth(), ())
