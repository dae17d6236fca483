"""Servers of a benchmark's own, gone with it."""

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import msgspec

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.migrate import upgrade
from inventory.core.settings import Settings
from sandbox.stack.ports import LOOPBACK, free_ports
from sandbox.stack.postgres import Postgres
from sandbox.stack.process import Process
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.valkey import Valkey

CLIENT = "bench"

_SOURCE = Path(__file__).parents[1]
_START_SECONDS = 60.0
# More than anybody asks for: what is measured is the work, not how it is rationed.
_NO_LIMITS = {
    "RATE_LIMIT_READS_PER_MINUTE": "60000000",
    "GRAPHQL_BUDGET": "1000000000",
    "GRAPHQL_RESTORE_RATE": "1000000000",
    "MAX_SOCKETS": "100000",
    "SOCKETS_PER_KEY": "100000",
}


class Site(msgspec.Struct, frozen=True):
    """A migrated database that waits for the disk, as in production; a Redis; and where their files lie."""

    settings: Settings
    directory: Path

    @asynccontextmanager
    async def serving(self, processes: int) -> AsyncIterator[list[str]]:
        """Processes of the API, by their addresses."""
        environment = {
            "DATABASE_URL": self.settings.database.need("url"),
            "REDIS_URL": self.settings.redis.need("url"),
            "HOST": LOOPBACK,
            "LOG_LEVEL": "WARNING",
            "ENVIRONMENT": "production",
            "SHUTDOWN_DELAY_SECONDS": "0",
            **_NO_LIMITS,
        }
        async with AsyncExitStack() as stack:
            addresses = []
            for port in free_ports(processes):
                command = ("-m", "app", "serve", "--port", str(port))
                address = await stack.enter_async_context(self.program(command, port, "/ready", environment))
                addresses.append(address)
            yield addresses

    def program(
        self, command: tuple[str, ...], port: int, path: str, environment: dict[str, str]
    ) -> AbstractAsyncContextManager[str]:
        """A Python program that serves HTTP on a port, from when it answers 200 under `path`; its address."""
        return program(self.directory, command, port, path, environment)

    async def key(self, database: Database) -> str:
        """A key that may read diamonds."""
        return (await ApiKeyService(database).create(CLIENT, CLIENT, [Scope.DIAMONDS_READ])).key.text


@asynccontextmanager
async def program(
    directory: Path, command: tuple[str, ...], port: int, path: str, environment: dict[str, str]
) -> AsyncIterator[str]:
    """A Python program that serves HTTP and logs to a directory; see `Site.program`."""
    address = f"http://{LOOPBACK}:{port}"
    process = Process(
        f"{command[1]}-{port}",
        (sys.executable, *command),
        log=directory / f"{port}.log",
        environment=environment,
        directory=_SOURCE,
    )
    process.start()
    try:
        await process.ready(partial(_answers, address + path), timeout_seconds=_START_SECONDS)
        yield address
    finally:
        await process.stop()


@asynccontextmanager
async def started() -> AsyncIterator[Site]:
    """The servers, for the length of a `with`."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(scratch_directory())
        postgres, valkey = Postgres(directory, durable=True), Valkey(directory)
        for server in (postgres, valkey):
            stack.push_async_callback(server.stop)
            await server.start()
        url = await postgres.create_database("bench")
        await upgrade(url)
        yield Site(Settings.read(database_url=url, redis_url=valkey.url()), directory)


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient() as client:
        with suppress(httpx.HTTPError):
            return (await client.get(url)).is_success
    return False
