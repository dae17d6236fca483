"""Sync operations over REST: exact responses, enqueued jobs, and each error."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest_asyncio
from arq.connections import ArqRedis
from arq.jobs import JobDef
from arq.worker import Function, Worker, func

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.core import jobs
from inventory.core.database import Database
from inventory.core.errors import Conflict
from inventory.core.settings import Settings
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.valkey import Valkey
from tests.integration.api.diamonds import Insert, Serve
from tests.integration.api.errors import error
from tests.integration.api.runs import build_partition, build_run, partition_id, run_id, text

TRIGGERS = "/api/v2/triggers"
ANALYTICS = "/api/v2/analytics"


@pytest_asyncio.fixture
async def queue(settings: Settings) -> AsyncIterator[ArqRedis]:
    """The job queue, as the pipeline sees it."""
    redis = jobs.connect(settings.redis)
    yield redis
    await redis.aclose()


async def queued(queue: ArqRedis) -> list[tuple[str, dict[str, Any]]]:
    found: list[JobDef] = await queue.queued_jobs()
    return [(job.function, job.kwargs) for job in found]


async def test_run_is_started_through_queue(operator: httpx.AsyncClient, queue: ArqRedis, insert: Insert) -> None:
    await insert([build_run(1)], "run_metadata")
    for run_type, full in (("full", True), ("incremental", False)):
        await queue.flushall()
        response = await operator.post(f"{TRIGGERS}/scheduler", json={"run_type": run_type})
        data = response.json()["data"]
        assert (response.status_code, data) == (202, {"job_id": data["job_id"], "status": "queued"})
        assert await queued(queue) == [("schedule_run", {"full": full, "started_by": "test-client"})]


async def test_second_run_is_rejected_while_one_is_open(
    operator: httpx.AsyncClient, queue: ArqRedis, insert: Insert
) -> None:
    await insert([build_run(1, status="running", completed_at=None)], "run_metadata")
    assert error(await operator.post(f"{TRIGGERS}/scheduler", json={"run_type": "full"})) == (
        409,
        {
            "code": "CONFLICT",
            "message": f"Run {run_id(1)} is running; wait until it has ended, or cancel it.",
            "details": {"reason": "RUN_OPEN", "run_id": str(run_id(1)), "status": "running"},
        },
    )
    assert await queued(queue) == []


async def test_failed_partitions_are_retried_together_or_individually(
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


async def test_retry_rejected_by_rules_is_immediate_conflict(
    operator: httpx.AsyncClient, queue: ArqRedis, insert: Insert
) -> None:
    await insert([build_run(1, status="partial"), build_run(2, status="partial")], "run_metadata")
    await insert([build_partition(1, 0, status="failed")], "worker_runs")
    await insert([build_partition(2, 0), build_partition(2, 1, status="failed")], "worker_runs")
    for asked, status, reason in (
        ({"run_id": str(run_id(1))}, 409, "RUN_NOT_NEWEST"),
        ({"run_id": str(run_id(2)), "partition_id": str(partition_id(2, 0))}, 409, "PARTITION_NOT_FAILED"),
        ({"run_id": str(run_id(2)), "partition_id": str(uuid4())}, 404, "PARTITION_NOT_FOUND"),
    ):
        answered, body = error(await operator.post(f"{TRIGGERS}/retry-workers", json=asked))
        assert (answered, body["details"]["reason"]) == (status, reason)
    assert error(await operator.post(f"{TRIGGERS}/retry-workers", json={"run_id": str(uuid4())}))[0] == 404
    await insert([build_run(3, status="failed", error_code="SUPPLIER_ERROR")], "run_metadata")
    for path in ("retry-workers", "consolidate"):
        request: dict[str, object] = {"run_id": str(run_id(3))} | ({"force": True} if path == "consolidate" else {})
        answered, body = error(await operator.post(f"{TRIGGERS}/{path}", json=request))
        assert (answered, body["details"]["reason"]) == (409, "RUN_NOT_PLANNED"), path
        assert "failed before it was planned" in body["message"]
    assert await queued(queue) == []


async def test_partial_run_is_consolidated_on_request(
    operator: httpx.AsyncClient, queue: ArqRedis, insert: Insert
) -> None:
    await insert([build_run(1, status="partial")], "run_metadata")
    await insert([build_partition(1, 0), build_partition(1, 1, status="failed")], "worker_runs")
    asked = {"run_id": str(run_id(1))}
    assert error(await operator.post(f"{TRIGGERS}/consolidate", json=asked)) == (
        409,
        {
            "code": "CONFLICT",
            "message": f"Run {run_id(1)} has not read 1 of 2 partitions. Retry them, or consolidate the read "
            "stones with `force`: then no diamond is deleted and the watermark does not move.",
            "details": {"reason": "PARTITIONS_FAILED", "run_id": str(run_id(1)), "status": "partial", "failed": 1},
        },
    )
    response = await operator.post(f"{TRIGGERS}/consolidate", json={**asked, "force": True})
    assert (response.status_code, response.json()["data"]["run_id"]) == (202, str(run_id(1)))
    assert await queued(queue) == [("consolidate_run", {**asked, "force": True, "who": "test-client"})]


async def test_invalid_consolidation_is_rejected(operator: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build_run(1), build_run(2, status="running", completed_at=None)], "run_metadata")
    for key, status in ((run_id(1), 409), (run_id(2), 409), (uuid4(), 404)):
        response = await operator.post(f"{TRIGGERS}/consolidate", json={"run_id": str(key)})
        assert response.status_code == status


async def test_result_of_job_is_shown(operator: httpx.AsyncClient, queue: ArqRedis, insert: Insert) -> None:
    await insert([build_run(1, status="partial")], "run_metadata")
    await insert([build_partition(1, 0, status="failed")], "worker_runs")
    answers: dict[str, Any] = {"retry_run": 1, "schedule_run": str(run_id(2))}

    async def do(ctx: dict[str, Any], job: str) -> Any:
        if job not in answers:
            raise Conflict("Run 1 has ended already.")
        return answers[job]

    async def ask(path: str, body: dict[str, Any]) -> str:
        response = await operator.post(f"{TRIGGERS}/{path}", json=body)
        assert response.status_code == 202, response.text
        return str(response.json()["data"]["job_id"])

    async def shown(job_id: str) -> Any:
        response = await operator.get(f"{TRIGGERS}/jobs/{job_id}")
        assert response.status_code == 200, response.text
        return response.json()["data"]

    retry = await ask("retry-workers", {"run_id": str(run_id(1))})
    queued_retry = {"job_id": retry, "job": "retry", "status": "queued", "run_id": str(run_id(1))}
    assert await shown(retry) == queued_retry
    start = await ask("scheduler", {"run_type": "full"})
    assert await shown(start) == {"job_id": start, "job": "start", "status": "queued"}
    consolidate = await ask("consolidate", {"run_id": str(run_id(1)), "force": True})
    await run_queued_jobs(queue, do)
    assert await shown(retry) == {**queued_retry, "status": "done", "partitions": 1}
    assert await shown(start) == {"job_id": start, "job": "start", "status": "done", "run_id": str(run_id(2))}
    assert await shown(consolidate) == {
        "job_id": consolidate,
        "job": "consolidate",
        "status": "failed",
        "run_id": str(run_id(1)),
        "error": {"code": "CONFLICT", "message": "Run 1 has ended already."},
    }


async def run_queued_jobs(queue: ArqRedis, do: Callable[[dict[str, Any], str], Awaitable[Any]]) -> None:
    """Execute the queued sync jobs, as the pipeline does."""

    def named(name: str) -> Function:
        async def job(ctx: dict[str, Any], **_: Any) -> Any:
            return await do(ctx, name)

        return func(job, name=name)

    worker = Worker(
        functions=[named(name) for name in ("schedule_run", "retry_run", "consolidate_run")],
        redis_pool=queue,
        queue_name=jobs.QUEUE,
        burst=True,
        poll_delay=0.01,
        handle_signals=False,
        job_serializer=queue.job_serializer,
        job_deserializer=queue.job_deserializer,
        log_results=False,
    )
    await worker.main()


async def test_other_jobs_are_not_shown(operator: httpx.AsyncClient, queue: ArqRedis) -> None:
    reprice = await jobs.enqueue(queue, "reprice")
    for job_id in (reprice, "unknown", "x" * 500, "%00"):
        status, body = error(await operator.get(f"{TRIGGERS}/jobs/{job_id}"))
        assert (status, body["code"]) == (404, "NOT_FOUND"), job_id


async def test_invalid_body_fields_are_named_individually(operator: httpx.AsyncClient) -> None:
    for path, body, names in (
        ("scheduler", {}, {"run_type"}),
        ("scheduler", {"run_type": "half", "more": 1}, {"run_type", "more"}),
        ("consolidate", {"run_id": 1, "force": "yes"}, {"run_id", "force"}),
        ("retry-workers", {"partition_id": "x"}, {"run_id", "partition_id"}),
    ):
        status, problem = error(await operator.post(f"{TRIGGERS}/{path}", json=body))
        assert (status, problem["code"], set(problem["details"])) == (400, "VALIDATION_ERROR", names)
    _, problem = error(await operator.post(f"{TRIGGERS}/consolidate", json={"run_id": 1, "force": "yes"}))
    assert problem["details"] == {"run_id": "should be a UUID", "force": "should be true or false"}


async def test_non_object_body_is_bad_request(operator: httpx.AsyncClient) -> None:
    for content in (b"", b"{", b"[]", b"null", b"\xff"):
        assert error(await operator.post(f"{TRIGGERS}/scheduler", content=content)) == (
            400,
            {"code": "BAD_REQUEST", "message": "Send a JSON object as the body."},
        )
    for levels in (64, 900, 100_000):
        nested = b'{"a": ' + b"[" * levels + b"]" * levels + b"}"
        assert error(await operator.post(f"{TRIGGERS}/scheduler", content=nested)) == (
            400,
            {"code": "BAD_REQUEST", "message": "Send a JSON object as the body, 64 levels deep at most."},
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


async def test_figures_are_available_and_triggers_are_rejected_without_redis(
    database_url: str, serve: Serve, insert: Insert
) -> None:
    await insert([build_run(1, status="partial")], "run_metadata")
    await insert([build_partition(1, 0, status="failed")], "worker_runs")
    with scratch_directory() as directory:
        valkey = Valkey(directory)
        await valkey.start()
        settings = Settings.read(database_url=database_url, redis_url=valkey.url(), environment="production")
        async with Database.open(settings.database) as database:
            key = (await ApiKeyService(database).create("test", "test", [Scope.SYNC_READ, Scope.SYNC_ADMIN])).key.text
        async with (
            serve(settings) as address,
            httpx.AsyncClient(base_url=address, headers={"X-API-Key": key}) as client,
        ):
            await valkey.stop()
            assert (await client.get(f"{ANALYTICS}/summary")).status_code == 200
            answers = await asyncio.gather(*(
                client.post(f"{TRIGGERS}/{path}", json=body)
                for path, body in (
                    ("scheduler", {"run_type": "full"}),
                    ("consolidate", {"run_id": str(run_id(1)), "force": True}),
                    ("retry-workers", {"run_id": str(run_id(1))}),
                )
            ))  # fmt: skip
            for response in answers:
                status, body = error(response)
                assert (status, body["code"], body["message"]) == (
                    503,
                    "SERVICE_UNAVAILABLE",
                    "The job queue does not answer. Try again soon.",
                )
                assert int(response.headers["retry-after"]) > 0
        await valkey.stop()
