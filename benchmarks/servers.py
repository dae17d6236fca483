"""Servers of a benchmark run: one Postgres and one Valkey, a database for each benchmark, and processes of the API."""

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import msgspec

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from benchmarks.stones import load_inventory
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
# Rate limits that no benchmark reaches.
_NO_LIMITS = {
    "RATE_LIMIT_READS_PER_MINUTE": "60000000",
    "GRAPHQL_BUDGET": "1000000000",
    "GRAPHQL_RESTORE_RATE": "1000000000",
    "MAX_SOCKETS": "100000",
    "SOCKETS_PER_KEY": "100000",
}


class ServedApi(msgspec.Struct, frozen=True):
    """An HTTP server process: its base URL and process id."""

    address: str
    pid: int


class Site(msgspec.Struct, frozen=True):
    """A migrated database with durable writes as in production, a Redis, and the directory of their files."""

    settings: Settings
    directory: Path

    @asynccontextmanager
    async def serving(self, processes: int, **environment: str) -> AsyncIterator[list[ServedApi]]:
        """Start processes of the API. `environment`: additional variables."""
        everything = {
            "DATABASE_URL": self.settings.database.need("url"),
            "REDIS_URL": self.settings.redis.need("url"),
            "HOST": LOOPBACK,
            "LOG_LEVEL": "WARNING",
            "ENVIRONMENT": "production",
            "SHUTDOWN_DELAY_SECONDS": "0",
            **_NO_LIMITS,
            **environment,
        }
        async with AsyncExitStack() as stack:
            served = []
            for port in free_ports(processes):
                command = ("-m", "app", "serve", "--port", str(port))
                served.append(await stack.enter_async_context(self.program(command, port, "/ready", everything)))
            yield served

    def program(
        self,
        command: tuple[str, ...],
        port: int,
        path: str,
        environment: dict[str, str],
        *,
        interpreter: str = sys.executable,
    ) -> AbstractAsyncContextManager[ServedApi]:
        """Start a program that serves HTTP on a port, and wait until `path` returns 200. `interpreter`: Python or Node."""
        return program(self.directory, command, port, path, environment, interpreter=interpreter)

    async def key(self, database: Database) -> str:
        """Create an API key with `diamonds:read`."""
        return (await ApiKeyService(database).create(CLIENT, CLIENT, [Scope.DIAMONDS_READ])).key.text


class InventoryApi(msgspec.Struct, frozen=True):
    """An API process with a loaded inventory, a built search index and an API key."""

    site: Site
    api: ServedApi
    key: str


class Servers:
    """Servers of a benchmark run. Benchmarks of the same size share an inventory and an API process."""

    def __init__(self, stack: AsyncExitStack, directory: Path, postgres: Postgres, valkey: Valkey) -> None:
        """See `start_servers`."""
        self._stack = stack
        self._directory = directory
        self._postgres = postgres
        self._valkey = valkey
        self._databases = 0
        self._inventory_sites: dict[tuple[int, int], Site] = {}
        self._apis: dict[tuple[int, int], InventoryApi] = {}

    async def site(self) -> Site:
        """Create an empty, migrated database."""
        self._databases += 1
        url = await self._postgres.create_database(f"bench_{self._databases}", template="bench_template")
        return Site(Settings.read(database_url=url, redis_url=self._valkey.url()), self._directory)

    async def inventory_site(self, stones: int, seed: int) -> Site:
        """Return a database with an inventory, which benchmarks must not change."""
        known = self._inventory_sites.get((stones, seed))
        if known is None:
            known = self._inventory_sites[stones, seed] = await self.site()
            async with Database.open(known.settings.database) as database:
                await load_inventory(database, stones, seed=seed)
        return known

    async def api(self, stones: int, seed: int) -> InventoryApi:
        """Return an API process with an inventory. It runs until the end of the benchmark run."""
        known = self._apis.get((stones, seed))
        if known is None:
            site = await self.inventory_site(stones, seed)
            async with Database.open(site.settings.database) as database:
                key = await site.key(database)
            (served,) = await self._stack.enter_async_context(site.serving(1))
            known = self._apis[stones, seed] = InventoryApi(site, served, key)
        return known

    async def prepare(self) -> None:
        """Create the migrated template database."""
        await upgrade(await self._postgres.create_database("bench_template"))


@asynccontextmanager
async def program(
    directory: Path,
    command: tuple[str, ...],
    port: int,
    path: str,
    environment: dict[str, str],
    *,
    interpreter: str = sys.executable,
) -> AsyncIterator[ServedApi]:
    """Run a program that serves HTTP. Its log is in `directory`; see `Site.program`."""
    address = f"http://{LOOPBACK}:{port}"
    process = Process(
        f"{Path(interpreter).name}-{port}",
        (interpreter, *command),
        log=directory / f"{port}.log",
        environment=environment,
        directory=_SOURCE,
    )
    process.start()
    try:
        await process.ready(partial(_answers, address + path), timeout_seconds=_START_SECONDS)
        yield ServedApi(address, process.pid or 0)
    finally:
        await process.stop()


@asynccontextmanager
async def start_servers(bindir: Path | None = None) -> AsyncIterator[Servers]:
    """Start the servers. `bindir`: directory of the Postgres programs; None selects the embedded Postgres."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(scratch_directory())
        postgres, valkey = Postgres(directory, durable=True, bindir=bindir), Valkey(directory)
        for server in (postgres, valkey):
            stack.push_async_callback(server.stop)
            await server.start()
        servers = Servers(stack, directory, postgres, valkey)
        await servers.prepare()
        yield servers


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient() as client:
        with suppress(httpx.HTTPError):
            return (await client.get(url)).is_success
    return False
