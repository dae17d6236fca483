"""The operators' routes: golden answers for the triggers and the figures, and for each of their errors."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest_asyncio
from arq.connections import ArqRedis
from arq.jobs import JobDef

from app.access.issuing import Issuing
from app.access.scopes import Scope
from app.catalog.stone import diamond_id
from app.core import jobs
from app.core.clock import utc_now
from app.core.database import Database
from app.core.settings import Settings
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.valkey import Valkey
from tests.integration.api.diamonds import EPOCH, Insert, MakeKey, Serve, build
from tests.integration.api.runs import build_partition, build_run, partition_id, run_id

TRIGGERS = "/api/v2/triggers"
ANALYTICS = "/api/v2/analytics"
STOCK = {
    "active": 0, "quarantined": 0, "deleted": 0, "available": 0, "on_hold": 0, "sold": 0, "unavailable": 0,
    "lab_grown": 0, "natural": 0, "changed_at": None,
}  # fmt: skip


def run_figures(number: int, **values: Any) -> dict[str, Any]:
    """What a run of `build_run` looks like."""
    row = build_run(number)
    return {
        "run_id": str(run_id(number)), "feed": "nivoda", "run_type": "full", "status": "completed",
        "phase": "completed", "started_by": "test", "started_at": text(row["started_at"]),
        "completed_at": text(row["completed_at"]), "window_from": None, "window_to": text(row["window_to"]),
        "consolidated_at": None, "watermark_moved_at": None, "forced_by": None, "fetched": 10, "distinct_stones": 9,
        "repeated": 1, "upserted": 7, "unchanged": 1, "quarantined": 1, "deleted": 0, "revived": 0, "error_code": None,
        "error_message": None, "trace_id": f"{number:032x}", **values,
    }  # fmt: skip


def text(instant: Any) -> str:
    return str(instant.isoformat().replace("+00:00", "Z"))


def error(response: httpx.Response) -> tuple[int, dict[str, Any]]:
    body = response.json()
    assert set(body) == {"error"}
    return response.status_code, body["error"]


@pytest_asyncio.fixture
async def queue(settings: Settings) -> AsyncIterator[ArqRedis]:
    """The queue of jobs, as the pipeline sees it."""
    redis = jobs.connect(settings)
    yield redis
    await redis.aclose()


async def queued(queue: ArqRedis) -> list[tuple[str, dict[str, Any]]]:
    found: list[JobDef] = await queue.queued_jobs()
    return [(job.function, job.kwargs) for job in found]


async def test_availability_is_told_and_the_suppliers_hold_ids_stay_with_us(
    api: httpx.AsyncClient, insert: Insert
) -> None:
    await insert([build(1), build(2, availability="on_hold", hold_id="hold-1")])
    for number, availability in ((1, "available"), (2, "on_hold")):
        key = str(diamond_id("nivoda", f"stone-{number}"))
        response = await api.post(f"/api/v2/diamonds/{key}/availability")
        assert (response.status_code, response.json()) == (
            200,
            {"data": {"id": key, "availability": availability, "hold_id": None}},
        )


async def test_nobodys_availability_is_not_found(api: httpx.AsyncClient) -> None:
    for key in ("x", uuid4()):
        assert error(await api.post(f"/api/v2/diamonds/{key}/availability")) == (
            404,
            {"code": "NOT_FOUND", "message": "There is no diamond with this id."},
        )


async def test_a_run_is_started_through_the_queue(operator: httpx.AsyncClient, queue: ArqRedis, insert: Insert) -> None:
    await insert([build_run(1)], "run_metadata")
    for run_type, full in (("full", True), ("incremental", False)):
        await queue.flushall()
        response = await operator.post(f"{TRIGGERS}/scheduler", json={"run_type": run_type})
        data = response.json()["data"]
        assert (response.status_code, data) == (202, {"job_id": data["job_id"], "status": "queued"})
        assert await queued(queue) == [("schedule_run", {"full": full, "started_by": "test-client"})]


async def test_a_second_run_is_refused_while_one_is_open(
    operator: httpx.AsyncClient, queue: ArqRedis, insert: Insert
) -> None:
    await insert([build_run(1, status="running", completed_at=None)], "run_metadata")
    assert error(await operator.post(f"{TRIGGERS}/scheduler", json={"run_type": "full"})) == (
        409,
        {
            "code": "CONFLICT",
            "message": "A run is open; one at a time.",
            "details": {"run_id": str(run_id(1)), "status": "running"},
        },
    )
    assert await queued(queue) == []


async def test_failed_partitions_are_read_again_all_or_one(
    operator: httpx.AsyncClient, queue: ArqRedis, insert: Insert
) -> None:
    await insert([build_run(1, status="partial")], "run_metadata")
    await insert([build_partition(1, 0), build_partition(1, 1, status="failed")], "worker_runs")
    for partition in (None, str(partition_id(1, 1))):
        await queue.flushall()
        response = await operator.post(
            f"{TRIGGERS}/retry-workers", json={"run_id": str(run_id(1)), "partition_id": partition}
        )
        data = response.json()["data"]
        assert (response.status_code, data) == (
            202,
            {"job_id": data["job_id"], "status": "queued", "run_id": str(run_id(1))},
        )
        asked = {"run_id": str(run_id(1)), "partition_id": partition, "who": "test-client"}
        assert await queued(queue) == [("retry_run", asked)]


async def test_what_can_not_be_read_again_is_refused(operator: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build_run(1), build_run(2, status="partial")], "run_metadata")
    await insert([build_partition(2, 0), build_partition(2, 1, status="failed")], "worker_runs")
    for asked, expected in (
        ({"run_id": str(uuid4())}, (404, "NOT_FOUND")),
        ({"run_id": str(run_id(1))}, (409, "CONFLICT")),
        ({"run_id": str(run_id(2)), "partition_id": str(partition_id(2, 0))}, (409, "CONFLICT")),
        ({"run_id": str(run_id(2)), "partition_id": str(uuid4())}, (404, "NOT_FOUND")),
    ):
        status, body = error(await operator.post(f"{TRIGGERS}/retry-workers", json=asked))
        assert (status, body["code"]) == expected


async def test_a_run_is_consolidated_after_all(operator: httpx.AsyncClient, queue: ArqRedis, insert: Insert) -> None:
    await insert([build_run(1, status="partial")], "run_metadata")
    await insert([build_partition(1, 0), build_partition(1, 1, status="failed")], "worker_runs")
    asked = {"run_id": str(run_id(1))}
    assert error(await operator.post(f"{TRIGGERS}/consolidate", json=asked)) == (
        409,
        {"code": "CONFLICT", "message": "1 of 2 partitions have not succeeded.", "details": {"failed": 1}},
    )
    response = await operator.post(f"{TRIGGERS}/consolidate", json={**asked, "force": True})
    assert (response.status_code, response.json()["data"]["run_id"]) == (202, str(run_id(1)))
    assert await queued(queue) == [("consolidate_run", {**asked, "force": True, "who": "test-client"})]


async def test_what_can_not_be_consolidated_is_refused(operator: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build_run(1), build_run(2, status="running", completed_at=None)], "run_metadata")
    for key, status in ((run_id(1), 409), (run_id(2), 409), (uuid4(), 404)):
        response = await operator.post(f"{TRIGGERS}/consolidate", json={"run_id": str(key)})
        assert response.status_code == status


async def test_wrong_fields_of_a_body_are_named_one_by_one(operator: httpx.AsyncClient) -> None:
    for path, body, names in (
        ("scheduler", {}, {"run_type"}),
        ("scheduler", {"run_type": "half", "more": 1}, {"run_type"}),
        ("consolidate", {"run_id": 1, "force": "yes"}, {"run_id", "force"}),
        ("retry-workers", {"partition_id": "x"}, {"run_id", "partition_id"}),
    ):
        status, problem = error(await operator.post(f"{TRIGGERS}/{path}", json=body))
        assert (status, problem["code"], set(problem["details"])) == (400, "VALIDATION_ERROR", names)


async def test_what_is_no_json_object_is_a_bad_request(operator: httpx.AsyncClient) -> None:
    for content in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000):
        assert error(await operator.post(f"{TRIGGERS}/scheduler", content=content)) == (
            400,
            {"code": "BAD_REQUEST", "message": "Send a JSON object as the body."},
        )
    status, body = error(await operator.post(f"{TRIGGERS}/scheduler", content=b" " * 262_145))
    assert (status, body["code"]) == (413, "BAD_REQUEST")


async def test_failed_workers_are_listed(operator: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build_run(1, status="partial")], "run_metadata")
    failed = build_partition(1, 1, status="failed", error_message="The supplier did not answer in time.")
    await insert([build_partition(1, 0), failed], "worker_runs")
    response = await operator.get(f"{TRIGGERS}/failed-workers/{run_id(1)}")
    worker = {
        "partition_id": str(partition_id(1, 1)),
        "worker_id": "worker-1",
        "error_message": "The supplier did not answer in time.",
        "records_processed": 5,
        "has_payload": True,
        "started_at": text(failed["started_at"]),
        "completed_at": text(failed["completed_at"]),
    }
    assert (response.status_code, response.json()) == (
        200,
        {"data": {"run_id": str(run_id(1)), "total_failed": 1, "workers": [worker]}},
    )


async def test_an_unknown_run_is_not_found(operator: httpx.AsyncClient) -> None:
    for key in ("x", uuid4()):
        for path in (f"{TRIGGERS}/failed-workers", f"{ANALYTICS}/runs", f"{ANALYTICS}/consolidation"):
            status, body = error(await operator.get(f"{path}/{key}"))
            assert (status, body["code"]) == (404, "NOT_FOUND")


async def test_the_summary_counts_stones_and_runs(operator: httpx.AsyncClient, insert: Insert) -> None:
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


async def test_wrong_parameters_of_the_listing_are_named_one_by_one(operator: httpx.AsyncClient) -> None:
    query = "run_type=half&status=ok&started_after=soon&started_before=1&page=0&limit=101"
    status, body = error(await operator.get(f"{ANALYTICS}/runs?{query}"))
    assert (status, body["code"]) == (400, "VALIDATION_ERROR")
    assert set(body["details"]) == {"run_type", "status", "started_after", "started_before", "page", "limit"}


async def test_a_run_is_shown_with_its_workers(
    operator: httpx.AsyncClient, address: str, make_key: MakeKey, insert: Insert
) -> None:
    await insert([build_run(1)], "run_metadata")
    row = build_partition(1, 3)
    await insert([row], "worker_runs")
    worker = {
        "partition_id": str(partition_id(1, 3)), "number": 3, "kind": "band", "status": "succeeded", "attempts": 1,
        "worker_id": "worker-3", "planned_stones": 5, "records_processed": 5, "pages": 2, "error_message": None,
        "started_at": text(row["started_at"]), "completed_at": text(row["completed_at"]),
    }  # fmt: skip
    path = f"{ANALYTICS}/runs/{run_id(1)}"
    assert (await operator.get(path)).json() == {"data": {**run_figures(1), "workers": [worker]}}
    headers = {"X-API-Key": await make_key(Scope.SYNC_READ, Scope.PRICES_SUPPLIER)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as trusted:
        workers = (await trusted.get(path)).json()["data"]["workers"]
    assert workers == [{**worker, "price_from": 300, "price_to": 399}]


async def test_suppliers_are_listed_with_their_feeds(operator: httpx.AsyncClient, insert: Insert) -> None:
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


async def test_what_waits_for_consolidation_is_told(operator: httpx.AsyncClient, insert: Insert) -> None:
    asked = EPOCH + timedelta(hours=3)
    await insert(
        [
            build_run(1, status="failed"),  # read again by the next one
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


async def test_without_redis_figures_are_told_and_triggers_are_not_taken(
    database_url: str, serve: Serve, insert: Insert
) -> None:
    await insert([build_run(1, status="partial")], "run_metadata")
    await insert([build_partition(1, 0, status="failed")], "worker_runs")
    with scratch_directory() as directory:
        valkey = Valkey(directory)
        await valkey.start()
        settings = Settings.read(database_url=database_url, redis_url=valkey.url(), environment="production")
        async with Database.open(settings) as database:
            key = (await Issuing(database).create("test", "test", [Scope.SYNC_READ, Scope.SYNC_ADMIN])).key.text
        async with (
            serve(settings) as address,
            httpx.AsyncClient(base_url=address, headers={"X-API-Key": key}) as client,
        ):
            await valkey.stop()
            assert (await client.get(f"{ANALYTICS}/summary")).status_code == 200
            answers = await asyncio.gather(*(
                client.post(f"{TRIGGERS}/{path}", json={"run_type": "full", "run_id": str(run_id(1)), "force": True})
                for path in ("scheduler", "consolidate", "retry-workers")
            ))  # fmt: skip
            for response in answers:
                status, body = error(response)
                assert (status, body["code"], body["message"]) == (
                    503,
                    "SERVICE_UNAVAILABLE",
                    "The queue of jobs does not answer; try again soon.",
                )
                assert int(response.headers["retry-after"]) > 0
        await valkey.stop()
