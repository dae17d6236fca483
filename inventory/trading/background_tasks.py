"""Background tasks that outlive their request: the answer to a call to the supplier must be recorded."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from inventory.core.errors import InventoryError
from inventory.core.logging import get_logger

log = get_logger()

T = TypeVar("T")


class BackgroundTasks:
    """Runs work in separate tasks. The cancellation of a caller does not cancel the work."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work in a task and wait for its result. The task continues if the caller is cancelled."""
        return await asyncio.shield(self._create_task(work))

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Start a task for which no request waits. Its failure is logged, and the settlement job repeats the work."""
        self._create_task(_run_logged(work))

    async def close(self) -> None:
        """Wait for the running tasks. Each of them has time limits."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _create_task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._remove)
        return task

    def _remove(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # mark as retrieved: without its caller, asyncio would log it


async def _run_logged(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except InventoryError as error:
        log.warning("background_task_failed", code=error.code, error=error.message)
    except Exception:
        log.exception("background_task_failed")
