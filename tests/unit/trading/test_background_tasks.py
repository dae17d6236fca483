"""Background tasks: work completes although its caller is cancelled."""

import asyncio

import pytest

from inventory.core.errors import Conflict
from inventory.trading.background_tasks import BackgroundTasks


async def test_work_continues_when_caller_is_cancelled_and_close_waits() -> None:
    background_tasks = BackgroundTasks()
    begun, go_on = asyncio.Event(), asyncio.Event()
    done = []

    async def work() -> None:
        begun.set()
        await go_on.wait()
        done.append(True)

    caller = asyncio.create_task(background_tasks.run(work()))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    closing = asyncio.create_task(background_tasks.close())
    await asyncio.sleep(0)
    assert not done
    go_on.set()
    await closing
    assert done


async def test_caller_gets_result_or_error_of_work() -> None:
    background_tasks = BackgroundTasks()

    async def succeed() -> int:
        return 7

    async def fail() -> int:
        raise Conflict("no")

    assert await background_tasks.run(succeed()) == 7
    with pytest.raises(Conflict, match="no"):
        await background_tasks.run(fail())


async def test_background_work_without_caller_may_fail() -> None:
    background_tasks = BackgroundTasks()

    async def fail() -> None:
        raise Conflict("no")

    async def crash() -> None:
        raise RuntimeError("oh")

    background_tasks.start(fail())
    background_tasks.start(crash())
    await background_tasks.close()
