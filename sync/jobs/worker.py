"""The jobs role: until SIGTERM, or for one round of everything that is due.

After SIGTERM no job begins. A job that does not end within the drain time is cancelled, and the next process does it again.
"""

import asyncio
import time

from inventory.core import redis_server
from inventory.core.errors import InventoryError
from inventory.core.jobs import JobsUnavailable, connect
from inventory.core.logging import get_logger
from inventory.core.settings import Settings, SettingsError
from sync.container import Container
from sync.jobs.arq_worker import REDIS_OUTAGES, JobWorkers
from sync.jobs.tasks import POLL_SECONDS, JobServices, arq_worker, attempt

log = get_logger()

_REDIS_PAUSE_SECONDS = 5.0
_ROUND_SECONDS = 60.0
_REPORT_WAIT_SECONDS = 2.0
_DRAIN_SHARE = 0.8  # of the time after SIGTERM; the rest is for closing down


class ReportsLeft(InventoryError):
    """A report of a finished partition could not be handled now. It is delivered again."""


async def serve(pipeline: Container, stop: asyncio.Event) -> None:
    """Run the jobs role until `stop`. During an outage of Redis running jobs continue, and no job starts."""
    settings = pipeline.settings
    await _refuse_unfit_redis(settings)
    redis = connect(settings.redis)
    try:
        async with (
            JobServices.open(pipeline) as jobs,
            asyncio.TaskGroup() as group,
            JobWorkers.open(settings.sync.drain_seconds * _DRAIN_SHARE) as workers,
        ):
            group.create_task(
                pipeline.consumer(settings.service_bus.queue_work_done, jobs.report, slots=1, stop=stop).run()
            )
            rounds = _PeriodicJobs(jobs)
            while not stop.is_set():
                try:
                    await workers.pick_up(arq_worker(jobs, redis, with_duties=True), stop)
                except REDIS_OUTAGES as error:
                    log.warning("redis_unavailable", error=type(error).__name__)
                    await rounds.round_if_due(stop)
                    await _pause(stop)
    finally:
        await redis.aclose()


async def _refuse_unfit_redis(settings: Settings) -> None:
    """Check how Redis is set up. A server that does not answer is waited for later.

    Raises:
        SettingsError: the server's configuration is not suitable for jobs.
    """
    redis = connect(settings.redis)
    try:
        found = await redis_server.report(redis)
    except REDIS_OUTAGES:
        return
    finally:
        await redis.aclose()
    if found is not None:
        raise SettingsError(f"REDIS_URL: {found}")


class _PeriodicJobs:
    """The periodic duties without arq: they need the database only, so an outage of Redis does not stop them."""

    def __init__(self, jobs: JobServices) -> None:
        self._jobs = jobs
        self._next = 0.0

    async def round_if_due(self, stop: asyncio.Event) -> None:
        """Do every duty, at most once a minute."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _ROUND_SECONDS
        for name, duty in self._jobs.duties.items():
            if stop.is_set():
                return
            await attempt(name, duty)


async def _pause(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), _REDIS_PAUSE_SECONDS)
    except TimeoutError:
        return


async def once(pipeline: Container, stop: asyncio.Event) -> bool:
    """Do everything that is due, then end: for a scheduled container job. Return False if something failed."""
    await _refuse_unfit_redis(pipeline.settings)
    async with JobServices.open(pipeline) as jobs:
        done = [await attempt("jobs", lambda: _run_enqueued(jobs, stop))]
        done.append(await attempt("reports", lambda: _handle_reports(jobs, stop)))
        for name, duty in jobs.duties.items():
            if stop.is_set():
                break
            done.append(await attempt(name, duty))
    return all(done)


async def _run_enqueued(jobs: JobServices, stop: asyncio.Event) -> None:
    """Do the jobs that are due. Not arq's own burst, which would also wait for those that are due later."""
    settings = jobs.pipeline.settings
    redis = connect(settings.redis)
    try:
        worker = arq_worker(jobs, redis, with_duties=False)
        idle = asyncio.Event()

        async def watch() -> None:
            while True:
                # Longer than it takes to look for a job and begin it.
                await asyncio.sleep(3 * POLL_SECONDS)
                if stop.is_set() or not worker.tasks:
                    idle.set()

        watching = asyncio.create_task(watch())
        try:
            async with JobWorkers.open(settings.sync.drain_seconds * _DRAIN_SHARE) as workers:
                await workers.pick_up(worker, idle)
        finally:
            watching.cancel()
    except REDIS_OUTAGES as error:
        raise JobsUnavailable from error
    finally:
        await redis.aclose()


async def _handle_reports(jobs: JobServices, stop: asyncio.Event) -> None:
    pipeline = jobs.pipeline
    consumer = pipeline.consumer(pipeline.settings.service_bus.queue_work_done, jobs.report, slots=1, stop=stop)
    if not await consumer.drain(wait_seconds=_REPORT_WAIT_SECONDS):
        raise ReportsLeft
