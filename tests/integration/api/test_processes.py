"""Several API processes: one is killed, one is stopped, and their subscribers continue with another."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from itertools import cycle
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from app.auth.scopes import Scope
from app.graphql.relay import global_id
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.events import cursors
from inventory.events.cursors import Cursor
from sandbox.stack.ports import free_ports
from sandbox.stack.process import Process
from tests.integration.api.diamonds import MakeKey
from tests.integration.api.websocket import CHANGED, append_event, open_socket, stone

TOTAL = 300

pytestmark = pytest.mark.faults


def address_of(port: int) -> str:
    return f"http://127.0.0.1:{port}"


async def ready(port: int) -> bool:
    async with httpx.AsyncClient(base_url=address_of(port)) as client:
        with suppress(httpx.HTTPError):
            return (await client.get("/ready")).status_code == 200
    return False


@asynccontextmanager
async def processes(settings: Settings, ports: Sequence[int], directory: Path) -> AsyncIterator[list[Process]]:
    environment = {
        "DATABASE_URL": settings.database.need("url"), "REDIS_URL": settings.redis.need("url"), "HOST": "127.0.0.1",
        "SHUTDOWN_DELAY_SECONDS": "0",
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        started = []
        for port in ports:
            command = (sys.executable, "-m", "app", "serve", "--port", str(port))
            process = Process(f"api-{port}", command, log=directory / f"{port}.log", environment=environment)
            process.start()
            stack.push_async_callback(process.stop)
            started.append(process)
        for process, port in zip(started, ports, strict=True):
            await process.ready(partial(ready, port), timeout_seconds=60)
        yield started


async def test_subscribers_continue_with_another_process_without_loss(
    settings: Settings, make_key: MakeKey, tmp_path: Path
) -> None:
    key = await make_key(Scope.DIAMONDS_READ)
    ports = free_ports(3)
    seen: list[list[str]] = [[] for _ in range(6)]

    async def follow(own: list[str], order: Sequence[int]) -> None:
        cursor = cursors.encode(Cursor(0, 0))
        for port in cycle(order):
            with suppress(ConnectionClosed, OSError):
                async with open_socket(address_of(port), key) as socket:
                    await socket.subscribe(CHANGED, after=cursor)
                    while len(own) < TOTAL:
                        event = await socket.event()
                        own.extend(event["diamondIds"])
                        cursor = event["cursor"]
            if len(own) >= TOTAL:
                return

    async with (
        processes(settings, ports, tmp_path) as (first, second, _),
        Database.open(settings.database) as database,
        asyncio.timeout(100),
        asyncio.TaskGroup() as group,
    ):
        for number, own in enumerate(seen):
            turned = number % 3
            group.create_task(follow(own, [*ports[turned:], *ports[:turned]]))
        for number in range(TOTAL):
            await append_event(database, number)
            await asyncio.sleep(0.01)
            if number == TOTAL // 3:
                await first.kill()
            if number == 2 * TOTAL // 3:
                assert await second.stop() == 0
    everything = [global_id("Diamond", stone(number)) for number in range(TOTAL)]
    assert seen == [everything] * len(seen)
