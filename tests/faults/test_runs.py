"""Runs over a static feed, seen from outside: coverage, result, mutual exclusion."""

from itertools import pairwise

import msgspec
import pytest

from tests.faults.campaign import Campaign
from tests.faults.kills import Reference
from tests.faults.processes import WORKERS
from tests.faults.site import Site
from tests.faults.snapshot import against_supplier, check_figures, snapshot

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

CONFLICT = 3


async def test_invariant_01_inventory_equals_static_feed_after_full_run(site: Site) -> None:
    runs = await site.complete()
    found, truth = await snapshot(site), await site.truth()
    assert [run.run_type for run in runs] == ["full"]
    assert not against_supplier(found, truth, ())
    assert found.active == {stone_id for stone_id, row in truth.items() if row["usable"]}
    assert len(found.active) > 2000


async def test_invariant_02_partitions_cover_every_stone_with_and_without_price(site: Site) -> None:
    outside = list(await site.truth())[:3]
    for stone_id in outside:
        await site.feed("POST", "update", {"id": stone_id, "indexed": False})
    (run,) = await site.complete()
    truth = await site.truth()
    bands = await site.fetch("SELECT * FROM worker_runs WHERE kind = 'band' ORDER BY ordinal")
    assert len(bands) > 3
    assert bands[0]["price_from"] is None
    assert bands[-1]["price_to"] is None
    assert all(lower["price_to"] == upper["price_from"] is not None for lower, upper in pairwise(bands))
    assert sum(band["planned_stones"] for band in bands) >= len(truth) - len(outside)
    assert (run.plan["total"], run.plan["unpriced"]) == (len(truth), len(outside))
    seen = await site.fetch("SELECT supplier_stone_id FROM stones_seen WHERE run_id = $1", run.id)
    assert {row["supplier_stone_id"] for row in seen} == truth.keys()


async def test_invariant_03_no_partition_reads_much_more_than_mean(site: Site) -> None:
    (run,) = await site.complete()
    read = [row["fetched"] for row in await site.fetch("SELECT fetched FROM worker_runs WHERE kind = 'band'")]
    assert len(read) >= 7
    assert max(read) <= 1.3 * sum(read) / len(read)
    assert run.count_queries <= 45


async def test_invariant_14_figures_of_every_run_balance_and_are_shown(reference: Reference, site: Site) -> None:
    result = await Campaign(site, reference, seed=0, per_run=0, say=print).run_round()
    assert result.clean, result.problems
    runs = await site.fetch("SELECT * FROM run_metadata ORDER BY started_at")
    assert [run["status"] for run in runs] == ["completed"] * 4
    for run in runs:
        assert run["fetched"] == run["distinct_stones"] + run["repeated"]
        assert run["distinct_stones"] == run["upserted"] + run["unchanged"] + run["quarantined"] > 0
    first, changes, deletes, revivals = runs
    truth = await site.truth()
    assert first["repeated"] > 0, "pages overlap"
    assert first["upserted"] == len(reference.snapshots[0].active)
    assert changes["quarantined"] >= 8
    assert deletes["deleted"] > 100
    assert deletes["unchanged"] > 1000
    assert revivals["revived"] == deletes["deleted"] // 2 or revivals["revived"] > 50
    assert revivals["quarantined"] <= sum(not row["usable"] for row in truth.values())
    shown = msgspec.json.decode(await site.output("runs", "show", str(deletes["id"]), "--json"))["run"]
    figures = ("fetched", "distinct_stones", "repeated", "upserted", "unchanged", "quarantined", "deleted", "revived")
    assert {name: shown[name] for name in figures} == {name: deletes[name] for name in figures}


async def test_invariant_15_one_of_two_concurrent_schedulers_starts_run(site: Site) -> None:
    with site.processes.paused(*WORKERS):  # so that the first run is still open when the second scheduler checks
        first, second = site.scheduler(), site.scheduler(name="scheduler-2")
        codes = sorted([await first.finish(seconds=60), await second.finish(seconds=60)])
    assert codes == [0, CONFLICT]
    assert await site.value("SELECT count(*) FROM run_metadata") == 1
    run = await site.ended()
    assert run.status == "completed"
    assert not against_supplier(await snapshot(site), await site.truth(), ())
    assert not await check_figures(site, run)


async def test_invariant_16_lost_inventory_is_rebuilt_from_payloads_to_cent(site: Site) -> None:
    await site.complete()
    before = await snapshot(site)
    await site.fetch("DELETE FROM diamonds")
    await site.output("rebuild", "--apply")
    assert await snapshot(site) == before
    assert not against_supplier(before, await site.truth(), ())


async def test_second_run_is_rejected_while_one_is_open_and_leaves_nothing(site: Site) -> None:
    with site.processes.paused(*WORKERS):
        await site.scheduler().finish(seconds=60)
        code, _, said = await site.command("schedule", "--full")
    assert code == CONFLICT
    assert "is open" in said
    assert await site.value("SELECT count(*) FROM run_metadata") == 1
    assert (await site.ended()).status == "completed"
