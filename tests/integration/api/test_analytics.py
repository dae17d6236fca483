"""Analytics for operators: exact responses about inventory, suppliers and pending consolidation."""

from datetime import timedelta
from uuid import uuid4

import httpx

from inventory.core.clock import utc_now
from tests.integration.api.diamonds import EPOCH, Insert, build
from tests.integration.api.errors import error
from tests.integration.api.runs import build_run, run_figures, run_id, text

ANALYTICS = "/api/v2/analytics"
STOCK = {
    "active": 0, "quarantined": 0, "deleted": 0, "available": 0, "on_hold": 0, "sold": 0, "unavailable": 0,
    "lab_grown": 0, "natural": 0, "changed_at": None,
}  # fmt: skip


async def test_summary_counts_stones_and_runs(operator: httpx.AsyncClient, insert: Insert) -> None:
    assert (await operator.get(f"{ANALYTICS}/summary")).json() == {
        "data": {
            "inventory": STOCK,
            "pipeline": {
                "running": 0,
                "runs": {"running": 0, "completed": 0, "failed": 0, "partial": 0},
                "waiting_for_consolidation": 0,
                "last_run": None,
                "last_completed_at": None,
                "last_full_completed_at": None,
            },
        }
    }
    await insert([
        build(1), build(2, availability="on_hold", lab_grown=True), build(3, availability="sold"),
        build(4, status="deleted", deleted_at=EPOCH), build(5, status="quarantined", lab_grown=True),
        build(6, supplier="other"), build(7, availability="unavailable"),
    ])  # fmt: skip
    recently = utc_now() - timedelta(days=6)
    await insert(
        [
            build_run(1),
            build_run(2, run_type="incremental", window_from=EPOCH, started_at=recently),
            build_run(3, status="cancelled", started_at=recently + timedelta(hours=1)),
            build_run(4, status="consolidating", started_at=recently + timedelta(hours=2), completed_at=None),
        ],
        "run_metadata",
    )
    data = (await operator.get(f"{ANALYTICS}/summary")).json()["data"]
    assert data["inventory"] == {
        "active": 5, "quarantined": 1, "deleted": 1, "available": 2, "on_hold": 1, "sold": 1, "unavailable": 1,
        "lab_grown": 1, "natural": 4, "changed_at": "2026-01-01T00:00:07Z",
    }  # fmt: skip
    assert data["pipeline"].pop("last_run")["run_id"] == str(run_id(4))
    assert data["pipeline"] == {
        "running": 1,
        "runs": {"running": 1, "completed": 1, "failed": 1, "partial": 0},
        "waiting_for_consolidation": 1,
        "last_completed_at": "2026-01-01T02:05:00Z",
        "last_full_completed_at": "2026-01-01T01:05:00Z",
    }


async def test_suppliers_are_listed_with_feeds(operator: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1), build(2, supplier="another")])
    await insert([build_run(1), build_run(2, status="failed")], "run_metadata")
    stock = {**STOCK, "active": 1, "available": 1, "natural": 1}
    assert (await operator.get(f"{ANALYTICS}/suppliers")).json() == {
        "data": [
            {
                "supplier": "another",
                "stock": {**stock, "changed_at": "2026-01-01T00:00:02Z"},
                "last_run": None,
                "last_completed_at": None,
                "last_full_completed_at": None,
            },
            {
                "supplier": "nivoda",
                "stock": {**stock, "changed_at": "2026-01-01T00:00:01Z"},
                "last_run": run_figures(2, status="failed", phase="failed"),
                "last_completed_at": "2026-01-01T01:05:00Z",
                "last_full_completed_at": "2026-01-01T01:05:00Z",
            },
        ]
    }


async def test_pending_consolidation_is_counted(operator: httpx.AsyncClient, insert: Insert) -> None:
    asked = EPOCH + timedelta(hours=3)
    await insert(
        [
            build_run(1, status="failed"),  # read again by the next run
            build_run(2, status="consolidating", consolidate_requested_at=asked, consolidated_through="b"),
        ],
        "run_metadata",
    )
    seen = [("a", 2), ("b", 2), ("c", 2), ("d", 1)]
    await insert(
        [
            {"feed": "nivoda", "supplier_stone_id": stone, "run_id": run_id(run), "observed_at": EPOCH}
            for stone, run in seen
        ],
        "stones_seen",
    )
    figures = {
        "run": run_figures(2, status="running", phase="consolidating"),
        "requested_at": text(asked),
        "stones": 3,
        "stones_done": 2,
        "stones_waiting": 1,
    }
    assert (await operator.get(f"{ANALYTICS}/consolidation")).json() == {"data": [figures]}
    assert (await operator.get(f"{ANALYTICS}/consolidation/{run_id(2)}")).json() == {"data": figures}
    other = (await operator.get(f"{ANALYTICS}/consolidation/{run_id(1)}")).json()["data"]
    assert (other["stones"], other["stones_waiting"]) == (1, 1)


async def test_unknown_run_is_not_found(operator: httpx.AsyncClient) -> None:
    for key in ("x", uuid4()):
        for path in ("/api/v2/triggers/failed-workers", f"{ANALYTICS}/runs", f"{ANALYTICS}/consolidation"):
            status, body = error(await operator.get(f"{path}/{key}"))
            assert (status, body["code"]) == (404, "NOT_FOUND")
