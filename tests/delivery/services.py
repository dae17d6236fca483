"""The five services of an installation as processes, a run, and its result."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from inventory.core.database import Database
from inventory.runs import repository
from sandbox.roles import settings_of
from sandbox.stack.ports import LOOPBACK, free_ports
from sandbox.stack.process import Process
from sandbox.stack.stack import Stack
from tests.acceptance.commands import expected_prices, retail_prices

# `diamonds` without a filter leaves out sold and unavailable ones.
_COUNT = "{ diamonds(filter: {availability: [AVAILABLE, ON_HOLD, SOLD, UNAVAILABLE]}) { totalCount } }"

TIMEOUT_SECONDS = 180.0
PERMANENT_SERVICES = ("api", "worker", "consolidator", "jobs")
_ARGUMENTS = {"api": ("-m", "app", "serve")} | {name: ("-m", "sync", name) for name in PERMANENT_SERVICES[1:]}

# Creates a process: its name, its arguments after `python`, its log file, and its settings, which are its environment.
Start = Callable[[str, Sequence[str], Path, Mapping[str, str]], Process]


def from_tree(tree: Path) -> Start:
    """Processes of a source tree, with the libraries of this interpreter."""

    def start(name: str, arguments: Sequence[str], log: Path, settings: Mapping[str, str]) -> Process:
        environment = {"PATH": os.defpath, "PYTHONPATH": str(tree), **settings}
        return Process(name, [sys.executable, *arguments], log=log, environment=environment, directory=tree)

    return start


class Services:
    """Services on a stack, created by `start`. `stop` stops all of them."""

    def __init__(self, stack: Stack, start: Start, logs: Path, settings: Mapping[str, str]) -> None:
        """`settings` are added to those of the stack."""
        (port,) = free_ports(1)
        self.url = f"http://{LOOPBACK}:{port}"
        self.staying: list[Process] = []
        self._stack = stack
        self._start = start
        self._logs = logs
        self._settings = {
            **stack.environment,
            "HOST": LOOPBACK,
            "PORT": str(port),
            "SYNC_NIGHTLY": "false",
            "SHUTDOWN_DELAY_SECONDS": "0",
            "NIVODA_REQUESTS_PER_SECOND": "200",
            **settings,
        }

    def start(self, name: str, *arguments: str) -> Process:
        """Start `python arguments`."""
        process = self._start(name, arguments, self._log(name), self._settings)
        process.start()
        return process

    async def run(self, name: str, *arguments: str) -> str:
        """Run `python arguments` to its end. Returns its output."""
        process = self.start(name, *arguments)
        await process.finish(timeout_seconds=TIMEOUT_SECONDS)
        return self._log(name).read_text("utf-8")

    async def migrate(self) -> None:
        await self.run("migrate", "-m", "app", "migrate")

    def start_services(self) -> None:
        """Start the four permanent services."""
        self.staying += [self.start(name, *_ARGUMENTS[name]) for name in PERMANENT_SERVICES]

    async def stop(self) -> Mapping[str, int | None]:
        """Stop the services. Returns their exit codes."""
        return {process.name: await process.stop() for process in self.staying}

    async def ready(self) -> None:
        """Wait until the API is ready."""
        await self.staying[0].ready(lambda: self._says(200, "/ready"), timeout_seconds=TIMEOUT_SECONDS)

    async def sync(self) -> str:
        """Run a sync with the fifth service. Returns its outcome."""
        await self.run("scheduler", "-m", "sync", "schedule")
        settings = settings_of(self._stack.environment)
        async with asyncio.timeout(TIMEOUT_SECONDS), Database.open(settings.database) as database:
            while True:
                async with database.connection() as connection:
                    run = await repository.newest(connection, settings.sync.feed)
                if run is not None and not run.is_open:
                    return run.status
                await asyncio.sleep(0.2)

    async def expected(self) -> dict[str, int]:
        """The expected inventory."""
        assert self._stack.supplier is not None
        return await expected_prices(self._stack.supplier.control_url)

    async def served(self) -> dict[str, int]:
        """The inventory by supplier id, with prices in cents. The API must count the same number."""
        key = msgspec.json.decode(
            await self.run("keys", "-m", "app", "keys", "create", "test", "--scope", "diamonds:read", "--json")
        )["key"]
        async with (
            aiohttp.ClientSession(headers={"X-API-Key": key}, raise_for_status=True) as session,
            session.post(f"{self.url}/graphql", json={"query": _COUNT}) as counted,
            session.get(f"{self.url}/api/v2/diamonds?limit=5") as page,
        ):
            count = (await counted.json())["data"]["diamonds"]["totalCount"]
            assert len((await page.json())["data"]) == 5
        stones = await retail_prices(self._settings["DATABASE_URL"])
        assert count == len(stones)
        return stones

    async def says(self, path: str) -> tuple[int, Any]:
        """Status and body of a response of the API."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}{path}") as answer:
            return answer.status, await answer.json()

    async def _says(self, status: int, path: str) -> bool:
        try:
            return (await self.says(path))[0] == status
        except aiohttp.ClientError:
            return False

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"
