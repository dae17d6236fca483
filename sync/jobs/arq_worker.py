"""arq worker that survives an outage of Redis: running jobs finish, and their ends are written once Redis answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Self

from arq.constants import in_progress_key_prefix
from arq.worker import Worker
from redis.exceptions import RedisError

from inventory.core.logging import get_logger
from sync.process import cancel_until_ended

log = get_logger()

REDIS_OUTAGES = (RedisError, OSError, TimeoutError)


class JobWorker(Worker):
    """An arq worker that repeats the write of a job's end until Redis takes it.

    Without the repetition the job would stay in the queue and run again when its mark of being in progress expires.
    """

    async def run_job(self, job_id: str, score: int) -> None:
        """Run a job. If Redis fails before the job begins, let a worker pick it up as soon as Redis answers."""
        try:
            await super().run_job(job_id, score)
        except REDIS_OUTAGES:
            await self._until_written(lambda: self.pool.delete(in_progress_key_prefix + job_id))

    async def finish_job(self, *arguments: Any, **options: Any) -> None:
        """Write the end of a job."""
        finish = super().finish_job
        await self._until_written(lambda: finish(*arguments, **options))

    async def finish_failed_job(self, *arguments: Any, **options: Any) -> None:
        """Write the end of a job that could not begin."""
        finish = super().finish_failed_job
        await self._until_written(lambda: finish(*arguments, **options))

    async def _until_written(self, write: Callable[[], Awaitable[object]]) -> None:
        # After that time another worker may begin the job again.
        give_up = time.monotonic() + self.in_progress_timeout_s
        while True:
            try:
                await write()
            except REDIS_OUTAGES as error:
                if time.monotonic() > give_up:
                    raise
                log.warning("job_end_not_written", error=type(error).__name__)
            else:
                return
            await asyncio.sleep(self.poll_delay_s)


class JobWorkers:
    """The arq workers of this process: the one that picks up jobs, and earlier ones whose jobs still run."""

    def __init__(self, drain_seconds: float) -> None:
        self._drain_seconds = drain_seconds
        self._workers: list[Worker] = []
        self._mains: list[asyncio.Task[None]] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, drain_seconds: float) -> AsyncIterator[Self]:
        """The workers for the length of a `with`. At its end running jobs get `drain_seconds`; then they are cancelled."""
        workers = cls(drain_seconds)
        try:
            yield workers
            if running := list(workers._running()):
                await asyncio.wait(running, timeout=drain_seconds)
        finally:
            await cancel_until_ended(*workers._mains, *workers._running())

    async def pick_up(self, worker: Worker, stop: asyncio.Event) -> None:
        """Let a worker pick up jobs until `stop`. Jobs that run then continue.

        Raises:
            RedisError, OSError, TimeoutError: Redis does not answer.
        """
        self._workers = [*(worker for worker in self._workers if any(self._running(worker))), worker]
        main, stopping = asyncio.create_task(worker.main()), asyncio.create_task(stop.wait())
        self._mains = [*(main for main in self._mains if not main.done()), main]
        try:
            await asyncio.wait({main, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            # Not cancelled here: it may be about to start a job that it has marked as in progress.
            worker.allow_pick_jobs = False
        if main.done():
            main.result()

    def _running(self, *workers: Worker) -> Iterator[asyncio.Task[Any]]:
        for worker in workers or self._workers:
            yield from (task for task in worker.tasks.values() if not task.done())
