"""Repeated jobs: the queue delivers at least once. A repetition returns the first result and changes nothing."""

import asyncio
import sys
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from arq.connections import ArqRedis
from arq.jobs import Job

from inventory.core.database import Database
from inventory.core.jobs import QUEUE
from inventory.core.settings import Settings
from inventory.runs import repository
from inventory.runs.models import Run
from sync.alerts.delivery import AlertDelivery
from sync.alerts.webhook import WebhookDelivery
from sync.container import Container
from sync.jobs.tasks import JobServices, arq_worker
from sync.operations.control import RunControl
from sync.operations.reconcile import Reconciler
from sync.runs.lifecycle import Lifecycle
from tests.contract.relay import SilentEndpoint
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.sync.conftest import Execute, OpenRun, role_environment


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    return settings.with_values(redis_url=redis_url, sync_nightly=False)


class RepeatingQueue:
    """A queue that delivers a job as often as the test requires."""

    def __init__(self, pipeline: Container, redis: ArqRedis) -> None:
        self._pipeline = pipeline
        self._redis = redis

    async def deliver(self, name: str, **arguments: Any) -> object:
        """Enqueue and deliver the job. Returns its result."""
        await self._redis.delete("arq:result:one")
        assert await self._redis.enqueue_job(name, _job_id="one", **arguments) is not None
        return await self.run_worker()

    async def deliver_again(self) -> object:
        """Deliver the same job again, as after an outage in which Redis did not store its end. Returns its result."""
        await self._redis.delete("arq:result:one")
        await self._redis.set("arq:job:one", self._job)
        await self._redis.zadd(QUEUE, {"one": 1})
        return await self.run_worker()

    async def run_worker(self) -> object:
        """Let a worker process the queue. Returns the result of the job."""
        self._job = await self._redis.get("arq:job:one")
        worker = arq_worker(
            JobServices(
                self._pipeline,
                AlertDelivery(self._pipeline.settings.alerts, self._pipeline.database, None),
                WebhookDelivery(self._pipeline.settings.alerts, self._pipeline.database, None),
            ),
            self._redis,
            with_duties=False,
        )
        worker.burst = True
        await worker.async_run()
        result = await Job(
            "one", self._redis, _queue_name=QUEUE, _deserializer=self._redis.job_deserializer
        ).result_info()
        assert result is not None
        assert result.success, result.result
        return result.result


@pytest.fixture
def queue(pipeline: Container, redis: ArqRedis) -> RepeatingQueue:
    return RepeatingQueue(pipeline, redis)


async def test_repeated_schedule_job_returns_run_it_opened(
    queue: RepeatingQueue, feed: FakeFeed, lifecycle: Lifecycle, database: Database
) -> None:
    feed.put(*range(10))
    opened = await queue.deliver("schedule_run", full=True, started_by="a client")
    assert await queue.deliver_again() == opened, "the run is still open"
    async with database.connection() as connection:
        (run,) = await repository.listing(connection)
    assert str(run.id) == opened
    await lifecycle.cancel(run.id, "a test")
    assert await queue.deliver_again() == opened, "the run has ended"
    async with database.connection() as connection:
        assert await repository.total(connection) == 1


async def test_job_with_reused_id_is_another_job_after_one_hour(
    queue: RepeatingQueue, feed: FakeFeed, lifecycle: Lifecycle
) -> None:
    """A request with the same idempotency key has the same id. After an hour it counts as a new one."""
    feed.put(*range(10))
    opened = str(await queue.deliver("schedule_run", full=True, started_by="a client"))
    await lifecycle.cancel(UUID(opened), "a test")
    assert await queue.deliver("schedule_run", full=True, started_by="a client") != opened


async def test_job_killed_while_planning_returns_its_run_when_repeated(
    queue: RepeatingQueue,
    settings: Settings,
    redis: ArqRedis,
    database: Database,
    execute: Execute,
    reconciler: Reconciler,
) -> None:
    async def planning() -> Run | None:
        async with database.connection() as connection:
            return await repository.open_run(connection, settings.sync.feed)

    async with SilentEndpoint.open(b"") as supplier:
        environment = role_environment(settings) | {"NIVODA_ENDPOINT": f"http://127.0.0.1:{supplier.port}/"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sync", "jobs", env=environment, stderr=asyncio.subprocess.DEVNULL
        )
        assert await redis.enqueue_job("schedule_run", _job_id="one", full=True, started_by="a client")
        async with asyncio.timeout(60):
            while (run := await planning()) is None:  # noqa: ASYNC110 - the database has no event to await
                await asyncio.sleep(0.05)
        process.kill()
        await process.wait()
    # Both expire: the in-progress mark of the job after 15 minutes, the lease of the run after SYNC_LEASE_SECONDS.
    await redis.delete("arq:in-progress:one")
    await execute("UPDATE run_metadata SET lease_until = clock_timestamp() - interval '1 second'")
    await reconciler.reconcile()
    assert await queue.run_worker() == str(run.id)
    async with database.connection() as connection:
        (left,) = await repository.listing(connection)
    assert (left.id, left.error_code) == (run.id, "PLANNING_ABANDONED")


async def test_repeated_retry_job_does_not_retry_later_failures(
    queue: RepeatingQueue, open_run: OpenRun, lifecycle: Lifecycle, execute: Execute
) -> None:
    run = await open_run(2)
    await _fail(run, lifecycle, execute)
    assert await queue.deliver("retry_run", run_id=str(run.id), who="a client") == 2
    await _fail(run, lifecycle, execute)
    assert await queue.deliver_again() == 2
    assert (await lifecycle.get(run.id)).status == "failed"


async def test_repeated_consolidate_job_does_not_reopen_cancelled_run(
    queue: RepeatingQueue, open_run: OpenRun, lifecycle: Lifecycle, execute: Execute
) -> None:
    run = await open_run(1)
    await _fail(run, lifecycle, execute)
    assert await queue.deliver("consolidate_run", run_id=str(run.id), force=True, who="a client") == "consolidating"
    await lifecycle.cancel(run.id, "a test")
    assert await queue.deliver_again() == "consolidating"
    assert (await lifecycle.get(run.id)).status == "cancelled"


async def test_repeated_cancel_job_does_not_cancel_reopened_run(
    queue: RepeatingQueue, open_run: OpenRun, lifecycle: Lifecycle, control: RunControl
) -> None:
    run = await open_run(1)
    assert await queue.deliver("cancel_run", run_id=str(run.id), who="a client") == "cancelled"
    await control.consolidate(run.id, "a test", force=True)
    assert await queue.deliver_again() == "cancelled"
    assert (await lifecycle.get(run.id)).status == "consolidating"


async def test_repeated_reprice_job_returns_number_of_changed_prices(
    queue: RepeatingQueue, driver: RunDriver, feed: FakeFeed
) -> None:
    feed.put(*range(10))
    await driver.sync()
    await driver.value(
        "INSERT INTO pricing_rules (name, priority, markup_ratio) VALUES ('a', 1, $1) RETURNING id", Decimal(2)
    )
    assert await queue.deliver("reprice") == 10
    assert await queue.deliver_again() == 10


async def _fail(run: Run, lifecycle: Lifecycle, execute: Execute) -> None:
    await execute("UPDATE worker_runs SET status = 'failed' WHERE run_id = $1", run.id)
    await lifecycle.settle(run.id)
