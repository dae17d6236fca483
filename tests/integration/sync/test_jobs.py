"""Job worker: enqueued jobs are executed, reports are consumed, and SIGTERM stops it in order."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from arq.connections import ArqRedis
from arq.jobs import Job

from inventory.core.database import Database
from inventory.core.errors import DatabaseUnavailable, SupplierUnavailable
from inventory.core.jobs import QUEUE, JobsUnavailable, connect, enqueue
from inventory.core.settings import Settings
from inventory.runs import repository
from sandbox.broker import Broker as Bus
from sync.alerts.delivery import AlertDelivery
from sync.alerts.webhook import WebhookDelivery
from sync.container import Container
from sync.jobs import worker
from sync.jobs.tasks import JobServices
from sync.messaging.messages import WorkDone, encode
from sync.runs.lifecycle import Lifecycle
from tests.contract.resend import mail_service
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.sync.conftest import Execute, OpenRun, role_environment


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    return settings.with_values(redis_url=redis_url, sync_nightly=False)


async def do(pipeline: Container, redis: ArqRedis, name: str, **arguments: Any) -> Any:
    """Enqueue a job and run the worker once. Returns the job's result."""
    job_id = await enqueue(redis, name, **arguments)
    assert await worker.once(pipeline, asyncio.Event())
    job = Job(job_id, redis, _queue_name=QUEUE, _deserializer=redis.job_deserializer)
    info = await job.result_info()
    assert info is not None
    return info


async def test_run_is_started_retried_consolidated_and_cancelled_by_name(
    pipeline: Container, redis: ArqRedis, feed: FakeFeed, lifecycle: Lifecycle, execute: Execute
) -> None:
    feed.put(*range(10))
    started = await do(pipeline, redis, "schedule_run", full=True, started_by="a client")
    async with pipeline.database.connection() as connection:
        run = await repository.newest(connection, "nivoda")
    assert run is not None
    assert (started.success, started.result, run.started_by) == (True, str(run.id), "a client")

    await execute("UPDATE worker_runs SET status = 'failed'")
    await lifecycle.settle(run.id)
    retried = await do(pipeline, redis, "retry_run", run_id=str(run.id), who="a client")
    assert retried.result == 1
    await execute("UPDATE worker_runs SET status = 'succeeded'")
    await lifecycle.settle(run.id)
    consolidated = await do(pipeline, redis, "consolidate_run", run_id=str(run.id), who="a client")
    assert consolidated.result == "consolidating"
    cancelled = await do(pipeline, redis, "cancel_run", run_id=str(run.id), who="a client")
    assert cancelled.result == "cancelled"
    assert (await lifecycle.get(run.id)).error_message == "Cancelled by a client"


async def test_reprice_job_updates_prices(
    pipeline: Container, redis: ArqRedis, driver: RunDriver, feed: FakeFeed
) -> None:
    feed.put(*range(10))
    await driver.sync()
    await driver.value(
        "INSERT INTO pricing_rules (name, priority, markup_ratio) VALUES ('a', 1, $1) RETURNING id", Decimal(2)
    )
    assert (await do(pipeline, redis, "reprice")).result == 10


async def test_rejected_job_returns_reason_and_is_not_retried(pipeline: Container, redis: ArqRedis) -> None:
    refused = await do(pipeline, redis, "cancel_run", run_id=str(uuid4()), who="a client")
    assert not refused.success
    assert "There is no run" in str(refused.result)
    assert await redis.zcard(QUEUE) == 0


async def test_job_with_transient_failure_is_kept_for_retry(
    pipeline: Container, redis: ArqRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr("sync.operations.repricing.Repricing.reprice", away)
    await enqueue(redis, "reprice")
    assert await worker.once(pipeline, asyncio.Event())
    assert await redis.zcard(QUEUE) == 1


async def test_run_that_cannot_start_is_one_failed_run(
    pipeline: Container, redis: ArqRedis, feed: FakeFeed, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> int:
        raise SupplierUnavailable

    monkeypatch.setattr(feed, "count", away)
    failed = await do(pipeline, redis, "schedule_run", full=True, started_by="a client")
    assert not failed.success
    assert await redis.zcard(QUEUE) == 0
    assert await execute("SELECT count(*) FROM alerts") == 1


async def test_pickle_is_never_read(pipeline: Container, redis: ArqRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    await redis.set("arq:job:evil", b"cos\nputenv\n(S'UNPICKLED'\nS'yes'\ntR.")
    await redis.zadd(QUEUE, {"evil": 1})
    unpickled: list[bytes] = []
    monkeypatch.setattr("pickle.loads", unpickled.append)
    await worker.once(pipeline, asyncio.Event())
    assert await redis.zcard(QUEUE) == 0
    assert unpickled == []


async def test_enqueue_fails_without_redis_and_periodic_jobs_run(
    pipeline: Container, open_run: OpenRun, lifecycle: Lifecycle, execute: Execute
) -> None:
    nowhere = pipeline.settings.with_values(redis_url="redis://127.0.0.1:9/0")
    redis = connect(nowhere.redis)
    with pytest.raises(JobsUnavailable):
        await enqueue(redis, "reprice")
    await redis.aclose()
    run = await open_run(1)
    await execute("UPDATE run_metadata SET deadline_at = clock_timestamp()")
    without = Container(
        nowhere,
        pipeline.database,
        pipeline.feed,
        pipeline.broker,
        pipeline.watermarks,
        pipeline.outbox,
        pipeline.dead_letters,
    )
    assert not await worker.once(without, asyncio.Event())
    assert (await lifecycle.get(run.id)).status == "failed"


async def test_last_report_continues_run(
    pipeline: Container, open_run: OpenRun, lifecycle: Lifecycle, execute: Execute
) -> None:
    run = await open_run(2)
    async with pipeline.database.connection() as connection:
        partitions = await repository.partitions(connection, run.id)
    jobs = JobServices(
        pipeline,
        AlertDelivery(pipeline.settings.alerts, pipeline.database, None),
        WebhookDelivery(pipeline.settings.alerts, pipeline.database, None),
    )
    outcomes = []
    for partition in partitions:
        await execute("UPDATE worker_runs SET status = 'succeeded' WHERE id = $1", partition.id)
        done = WorkDone(
            run_id=run.id, partition_id=partition.id, trace_id=run.trace_id, status="succeeded", fetched=1, pages=1
        )
        await jobs.report(encode(done), False)
        outcomes.append((await lifecycle.get(run.id)).status)
    assert outcomes == ["running", "consolidating"]


async def test_reports_are_consumed(pipeline: Container, open_run: OpenRun, database: Database, bus: Bus) -> None:
    run = await open_run(2)
    async with database.connection() as connection:
        partitions = await repository.partitions(connection, run.id)
    for partition in partitions:
        await pipeline.outbox.report(partition, run.trace_id)
    # An unreadable report between them is dead-lettered and blocks nothing.
    await pipeline.broker.send("work-done", [b"\xff"])
    await pipeline.outbox.report(partitions[0], run.trace_id)
    assert bus.counts()["work-done"].active == 4
    assert await worker.once(pipeline, asyncio.Event())
    counts = bus.counts()["work-done"]
    assert (counts.active, counts.dead_letter) == (0, 1)


async def test_alert_of_failed_run_is_mailed_in_same_round(
    pipeline: Container, open_run: OpenRun, execute: Execute
) -> None:
    await open_run(1)
    await execute("UPDATE run_metadata SET deadline_at = clock_timestamp()")
    async with mail_service() as service:
        mailing = pipeline.settings.with_values(
            resend_api_key="re_x",
            resend_api_url=service.url,
            alert_from="sync@example.com",
            alert_to="ops@example.com",
        )
        mailed = Container(
            mailing,
            pipeline.database,
            pipeline.feed,
            pipeline.broker,
            pipeline.watermarks,
            pipeline.outbox,
            pipeline.dead_letters,
        )
        for _ in range(2):
            assert await worker.once(mailed, asyncio.Event())
        (mail,) = service.sent.values()
    assert mail["subject"] == "The sync run did not finish in time (nivoda)"


async def test_once_mode_exits_with_code_zero(
    settings: Settings, execute: Execute, open_run: OpenRun, lifecycle: Lifecycle
) -> None:
    run = await open_run(None)
    await execute("UPDATE run_metadata SET lease_until = clock_timestamp() - interval '1 second'")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sync", "jobs", "--once", env=role_environment(settings), stderr=PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert (await lifecycle.get(run.id)).error_code == "PLANNING_ABANDONED"


async def test_sigterm_exits_with_code_zero(settings: Settings, redis: ArqRedis) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sync", "jobs", env=role_environment(settings), stderr=PIPE
    )
    job_id = await enqueue(redis, "reprice")
    job = Job(job_id, redis, _queue_name=QUEUE, _deserializer=redis.job_deserializer)
    assert await job.result(timeout=30, poll_delay=0.1) == 0
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, errors.decode()
    assert b'"stop_requested"' in errors
    assert b"role_cancelled" not in errors


async def test_invariant_18_periodic_jobs_run_without_redis(
    pipeline: Container, settings: Settings, open_run: OpenRun, execute: Execute
) -> None:
    run = await open_run(1)
    await execute("UPDATE run_metadata SET deadline_at = now() - interval '1 second'")
    nowhere = settings.with_values(redis_url="redis://127.0.0.1:1/0", sync_nightly=False)
    stop = asyncio.Event()
    serving = asyncio.create_task(worker.serve(msgspec.structs.replace(pipeline, settings=nowhere), stop))
    async with asyncio.timeout(60):
        # The test waits for the state in the database.
        while await execute("SELECT status FROM run_metadata WHERE id = $1", run.id) != "failed":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    stop.set()
    await serving
