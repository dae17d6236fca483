"""The role that does the jobs: until SIGTERM, or one round of everything that is due.

After SIGTERM no job is begun any more. One that is cut off in spite of the time it gets is done again by the next process.
"""

import asyncio
import time

from arq.worker import Worker
from redis.exceptions import RedisError

from app.core.jobs import JobsUnavailable, connect
from app.core.logging import get_logger
from sync.jobs import POLL_SECONDS, Jobs, arq_worker, attempt
from sync.roles import cut_off
from sync.wiring import Pipeline

log = get_logger()

_REDIS_PAUSE_SECONDS = 5.0
_ROUND_SECONDS = 60.0
_REPORT_WAIT_SECONDS = 2.0
_DRAIN_SHARE = 0.8  # of the time after SIGTERM; the rest is for closing down
_REDIS_OUTAGES = (RedisError, OSError, TimeoutError)


async def serve(pipeline: Pipeline, stop: asyncio.Event) -> None:
    """Be the jobs until `stop`."""
    settings = pipeline.settings
    async with Jobs.open(pipeline) as jobs, asyncio.TaskGroup() as group:
        group.create_task(pipeline.consumer(settings.queue_work_done, jobs.report, slots=1, stop=stop).run())
        rounds = _Rounds(jobs)
        while not stop.is_set():
            redis = connect(settings)
            try:
                await _work(arq_worker(jobs, redis, with_duties=True), stop, settings.sync_drain_seconds * _DRAIN_SHARE)
            except _REDIS_OUTAGES as error:
                log.warning("redis unavailable", error=type(error).__name__)
                await rounds.round_if_due(stop)
                await _pause(stop)
            finally:
                await redis.aclose()


class _Rounds:
    """The duties without arq: they live in the database alone, so an outage of Redis does not stop them."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._next = 0.0

    async def round_if_due(self, stop: asyncio.Event) -> None:
        """Do every duty, once a minute at most."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _ROUND_SECONDS
        for name, duty in self._jobs.duties.items():
            if stop.is_set():
                return
            await attempt(name, duty)


async def _work(worker: Worker, stop: asyncio.Event, drain_seconds: float) -> None:
    """Let an arq worker work until `stop`; its jobs may then take `drain_seconds` to finish."""
    working = asyncio.create_task(worker.main())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        worker.allow_pick_jobs = False
        if not working.done() and worker.tasks:
            await asyncio.wait(worker.tasks.values(), timeout=drain_seconds)
        if working.done():
            working.result()
    finally:
        stopping.cancel()
        await cut_off(working, *worker.tasks.values())


async def _pause(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), _REDIS_PAUSE_SECONDS)
    except TimeoutError:
        return


async def once(pipeline: Pipeline, stop: asyncio.Event) -> bool:
    """Do everything that is due, then leave: for a machine that is started for it. False if something failed."""
    async with Jobs.open(pipeline) as jobs:
        done = [await attempt("jobs", lambda: _do_enqueued(jobs, stop))]
        done.append(await attempt("reports", lambda: _take_reports(jobs, stop)))
        for name, duty in jobs.duties.items():
            if stop.is_set():
                break
            done.append(await attempt(name, duty))
    return all(done)


async def _do_enqueued(jobs: Jobs, stop: asyncio.Event) -> None:
    """Do the jobs that are due. Not arq's own burst, which would also wait for those that are due later."""
    redis = connect(jobs.pipeline.settings)
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
            await _work(worker, idle, jobs.pipeline.settings.sync_drain_seconds * _DRAIN_SHARE)
        finally:
            watching.cancel()
    except _REDIS_OUTAGES as error:
        raise JobsUnavailable from error
    finally:
        await redis.aclose()


async def _take_reports(jobs: Jobs, stop: asyncio.Event) -> None:
    queue = jobs.pipeline.settings.queue_work_done
    async with jobs.pipeline.broker.inbox(queue) as inbox:
        while not stop.is_set():
            delivery = await inbox.receive(wait_seconds=_REPORT_WAIT_SECONDS)
            if delivery is None:
                return
            try:
                await jobs.report(delivery.body, False)
            except BaseException:
                await delivery.abandon()
                raise
            await delivery.complete()
