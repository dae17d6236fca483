"""Redis stops answering during job execution: running jobs finish, and each job is executed once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from arq.connections import ArqRedis
from arq.jobs import Job
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from inventory.core.jobs import QUEUE, enqueue
from inventory.core.settings import Settings
from inventory.runs import repository
from inventory.suppliers.ports import StoneQuery
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.valkey import Valkey
from sync.container import Container
from sync.jobs import worker
from tests.integration.pipeline.fake_feed import FakeFeed

_OUTAGES = (RedisError, OSError, TimeoutError)


@pytest_asyncio.fixture
async def paused_valkey(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Valkey]:
    """A Valkey for one test, paused with SIGSTOP. Clients wait half a second for a response."""
    monkeypatch.setattr("inventory.core.jobs._TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr("sync.jobs.worker._REDIS_PAUSE_SECONDS", 0.1)
    with scratch_directory() as directory:
        server = Valkey(directory)
        await server.start()
        yield server
        os.kill(server.pid, signal.SIGCONT)
        await server.stop()


@pytest.fixture
def settings(settings: Settings, paused_valkey: Valkey) -> Settings:
    return settings.with_values(redis_url=paused_valkey.url(), sync_nightly=False)


@pytest_asyncio.fixture
async def jobs_role(pipeline: Container) -> AsyncIterator[None]:
    """A running job worker."""
    stop = asyncio.Event()
    serving = asyncio.create_task(worker.serve(pipeline, stop))
    yield
    stop.set()
    await serving


class Gate:
    """A point at which work waits until the test releases it."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def wait(self) -> None:
        """Report that the point is reached, and wait."""
        self.reached.set()
        await self.opened.wait()


@pytest.fixture
def blocked_count(feed: FakeFeed, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Blocks every count, so that a run stays in planning."""
    gate, count = Gate(), feed.count

    async def wait_and_count(query: StoneQuery) -> int:
        await gate.wait()
        return await count(query)

    monkeypatch.setattr(feed, "count", wait_and_count)
    return gate


@pytest.mark.usefixtures("jobs_role")
async def test_run_planned_while_redis_pauses_is_started_once(
    pipeline: Container, redis: ArqRedis, feed: FakeFeed, blocked_count: Gate, paused_valkey: Valkey
) -> None:
    feed.put(*range(10))
    with capture_logs() as logs:

        async def logged(event: str) -> None:
            while not any(entry["event"] == event for entry in logs):  # noqa: ASYNC110 - the log has no event to await
                await asyncio.sleep(0.05)

        async with asyncio.timeout(120):
            job_id = await enqueue(redis, "schedule_run", full=True, started_by="a client")
            await blocked_count.reached.wait()
            os.kill(paused_valkey.pid, signal.SIGSTOP)
            await logged("redis_unavailable")
            blocked_count.opened.set()
            # The plan is made and the job has ended, all without Redis.
            await logged("job_end_not_written")
            os.kill(paused_valkey.pid, signal.SIGCONT)
            answer = await _result(Job(job_id, redis, _queue_name=QUEUE, _deserializer=redis.job_deserializer))
    async with pipeline.database.connection() as connection:
        (run,) = await repository.listing(connection)
    assert (answer, run.status, run.error_code) == (str(run.id), "running", None)
    # No longer in the queue, so it does not run again when its in-progress mark expires.
    assert await redis.zcard(QUEUE) == 0


async def _result(job: Job) -> object:
    """The job's result, as soon as Redis returns it."""
    while True:
        try:
            if info := await job.result_info():
                return info.result
        except _OUTAGES:
            pass
        await asyncio.sleep(0.05)
