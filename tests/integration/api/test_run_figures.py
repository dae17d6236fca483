"""Runs over REST: exact responses, and each invalid parameter."""

import httpx
import pytest

from app.auth.scopes import Scope
from tests.integration.api.diamonds import EPOCH, Insert, MakeKey
from tests.integration.api.errors import error
from tests.integration.api.runs import build_partition, build_run, partition_id, run_figures, run_id, text

ANALYTICS = "/api/v2/analytics"


async def test_runs_are_listed_by_type_status_and_start(operator: httpx.AsyncClient, insert: Insert) -> None:
    await insert(
        [
            build_run(1),
            build_run(2, run_type="incremental", window_from=EPOCH, status="partial"),
            build_run(3, status="cancelled"),
            build_run(4, status="consolidating", completed_at=None),
        ],
        "run_metadata",
    )
    response = await operator.get(f"{ANALYTICS}/runs", params={"status": "completed"})
    assert (response.status_code, response.json()) == (
        200,
        {"data": [run_figures(1)], "pagination": {"total": 1, "page": 1, "limit": 50, "totalPages": 1}},
    )
    for query, numbers in {
        "": [4, 3, 2, 1],
        "run_type=incremental": [2],
        "status=running": [4],
        "status=failed": [3],
        "status=partial": [2],
        "started_after=2026-01-01T03:00:00Z": [4, 3],
        "started_after=2026-01-01T03:00:00%2B01:00&started_before=2026-01-01T04:00:00Z": [3, 2],
        "limit=2&page=2": [2, 1],
        "unknown=1&limit=1": [4],
    }.items():
        response = await operator.get(f"{ANALYTICS}/runs?{query}")
        assert [run["run_id"] for run in response.json()["data"]] == [str(run_id(number)) for number in numbers], query


async def test_invalid_list_parameters_are_named_individually(operator: httpx.AsyncClient) -> None:
    query = "run_type=half&status=ok&started_after=soon&started_before=1&page=0&limit=101"
    status, body = error(await operator.get(f"{ANALYTICS}/runs?{query}"))
    assert (status, body["code"]) == (400, "VALIDATION_ERROR")
    assert set(body["details"]) == {"run_type", "status", "started_after", "started_before", "page", "limit"}


async def test_run_is_shown_with_workers(
    operator: httpx.AsyncClient, address: str, make_key: MakeKey, insert: Insert
) -> None:
    await insert([build_run(1)], "run_metadata")
    row = build_partition(1, 3, distinct_stones=4)
    await insert([row], "worker_runs")
    worker = {
        "partition_id": str(partition_id(1, 3)), "number": 3, "kind": "band", "status": "succeeded", "attempts": 1,
        "worker_id": "worker-3", "planned_stones": 5, "records_processed": 5, "distinct_stones": 4, "pages": 2,
        "error_message": None,
        "started_at": text(row["started_at"]), "completed_at": text(row["completed_at"]),
    }  # fmt: skip
    path = f"{ANALYTICS}/runs/{run_id(1)}"
    assert (await operator.get(path)).json() == {"data": {**run_figures(1), "workers": [worker]}}
    headers = {"X-API-Key": await make_key(Scope.SYNC_READ, Scope.PRICES_SUPPLIER)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as cost_client:
        workers = (await cost_client.get(path)).json()["data"]["workers"]
    assert workers == [{**worker, "price_from": 300, "price_to": 399}]


@pytest.mark.parametrize("status", ["partial", "failed", "cancelled", "running", "consolidating"])
async def test_number_of_read_stones_is_equal_in_all_responses(
    operator: httpx.AsyncClient, insert: Insert, status: str
) -> None:
    """For a run without consolidation the number of distinct stones is unknown: it is never reported as 0."""
    booked = {"fetched": 0, "distinct_stones": 0, "repeated": 0, "upserted": 0, "unchanged": 0, "quarantined": 0}
    ended = {} if status in ("partial", "failed", "cancelled") else {"completed_at": None}
    await insert([build_run(1, status=status, asked_again=4, **booked, **ended)], "run_metadata")
    await insert([build_partition(1, 0, fetched=2_000), build_partition(1, 1, fetched=330)], "worker_runs")
    known = (2_334, None, None)
    for path in ("runs", f"runs/{run_id(1)}", "summary", "suppliers"):
        data = (await operator.get(f"{ANALYTICS}/{path}")).json()["data"]
        shown = data[0] if isinstance(data, list) else data
        shown = shown.get("pipeline", shown)
        shown = shown.get("last_run", shown)
        assert (shown["fetched"], shown["distinct_stones"], shown["repeated"]) == known, path
    document = """query ($id: ID!) { syncRun(id: $id) { figures { fetched distinct repeated } }
        syncRuns { nodes { figures { fetched distinct repeated } } } }"""
    body = {"query": document, "variables": {"id": str(run_id(1))}}
    data = (await operator.post("/graphql", json=body)).json()["data"]
    for run in (data["syncRun"], data["syncRuns"]["nodes"][0]):
        assert tuple(run["figures"].values()) == known
