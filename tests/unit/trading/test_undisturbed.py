"""Work that was begun is done, whoever has gone away meanwhile."""

import asyncio

import pytest

from inventory.core.errors import Conflict
from inventory.trading.background_tasks import BackgroundTasks


async def test_work_goes_on_when_its_caller_is_cancelled_and_closing_waits_for_it() -> None:
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


async def test_a_caller_gets_what_the_work_gives_or_raises() -> None:
    background_tasks = BackgroundTasks()

    async def give() -> int:
        return 7

    async def refuse() -> int:
        raise Conflict("no")

    assert await background_tasks.run(give()) == 7
    with pytest.raises(Conflict, match="no"):
        await background_tasks.run(refuse())


async def test_what_nobody_waits_for_may_fail() -> None:
    background_tasks = BackgroundTasks()

    async def refuse() -> None:
        raise Conflict("no")

    async def break_down() -> None:
        raise RuntimeError("oh")

    background_tasks.start(refuse())
    background_tasks.start(break_down())
    await background_tasks.close()
