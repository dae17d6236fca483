"""Background tasks that outlive their request: what was sent to the supplier must be recorded."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from inventory.core.errors import InventoryError
from inventory.core.logging import get_logger

log = get_logger()

T = TypeVar("T")


class BackgroundTasks:
    """Runs work in separate tasks. A caller that gives up, or is cancelled at a limit, does not end the work."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work that is done to its end, whatever becomes of the caller."""
        return await asyncio.shield(self._start(work))

    def later(self, work: Coroutine[Any, Any, object]) -> None:
        """Run a task for which no request waits. Its failure is logged; its row stays due."""
        self._start(_alone(work))

    async def close(self) -> None:
        """Wait for what is under way; everything here ends by its own time limits."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved here: the caller may have gone, and asyncio would log it as unretrieved


async def _alone(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except InventoryError as error:
        log.warning("left to the jobs", code=error.code, error=error.message)
    except Exception:
        log.exception("left to the jobs")
