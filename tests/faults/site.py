"""Installation for fault tests: the local stack, the pipeline's processes, and their externally visible state."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from inventory.core.database import Database
from inventory.core.migrate import create_raw_tables, upgrade
from inventory.core.settings import Settings
from inventory.core.settings.feeds import is_feed_variable
from inventory.runs import repository
from inventory.runs.models import Run
from sandbox.stack.programs import SupplierOptions
from sandbox.stack.stack import Stack
from tests.faults.fork_server import Child, ChildSpecification
from tests.faults.options import LOCK_SECONDS, SMALL, Options
from tests.faults.processes import ROLES, SCHEDULER, Processes

FEED = "nivoda"
_RULES = """
    INSERT INTO pricing_rules (name, priority, carat_min_milli, lab_grown, markup_ratio, rating) VALUES
        ('large', 1, 1000, NULL, 1.1875, 7), ('grown', 2, NULL, true, 1.4321, NULL), ('all', 3, NULL, NULL, 1.25, 5)
"""
_TABLES = "run_metadata, job_effects, worker_runs, raw_diamonds, consumed_files, stones_seen, pages_read, diamonds, price_changes, hold_history, purchase_history, alerts"
_CONSUMED = ("work-items", "consolidate")  # reports are for operators
_LOOK_SECONDS = 0.03
_HTTP_SECONDS = 30.0
_COMMAND_SECONDS = 60.0
_SOURCE = Path(__file__).parents[2]

# Called at every poll with the newest run (None before the first) and the scheduler, if one was started.
Watch = Callable[[Run | None, Child | None], Awaitable[None]]


class Hung(Exception):
    """A run did not end in time."""


class Attempt(msgspec.Struct, frozen=True):
    """The result of a scheduler call: the run, its exit code (None: it still ran), the end of its log."""

    run: Run | None
    exit_code: int | None
    said: str


class Site:
    """See `open_site`."""

    def __init__(
        self,
        stack: Stack,
        database: Database,
        session: aiohttp.ClientSession,
        options: Options,
        surroundings: Mapping[str, str],
    ) -> None:
        self.stack = stack
        self._surroundings = surroundings
        self.database = database
        self.options = options
        self._session = session
        self._points = stack.directory / "points"
        self._points.mkdir()
        self._fork_server = stack.directory / "fork-server.socket"
        self.processes = Processes(self._launch, self._points)
        self.watermark_file = Path(stack.environment["WATERMARK_DIRECTORY"]) / f"{FEED}.json"

    # External state of its parts

    async def feed(self, verb: str, what: str, body: object = None, **parameters: str) -> Any:
        """Send a request to the supplier's control port."""
        assert self.stack.supplier is not None
        return await self._ask(verb, f"{self.stack.supplier.control_url}/control/{what}", body, parameters)

    async def queues(self, verb: str, what: str, body: object = None) -> Any:
        """Send a request to the broker's control port."""
        assert self.stack.broker is not None
        return await self._ask(verb, f"{self.stack.broker.control_url}/{what}", body, {})

    async def _ask(self, verb: str, url: str, body: object, parameters: Mapping[str, str]) -> Any:
        # The standard encoder: the feed may be told to serve values that msgspec does not encode.
        data = None if body is None else json.dumps(body).encode()
        async with self._session.request(verb, url, data=data, params=parameters) as answer:
            content = await answer.read()
            assert answer.status < 300, f"{verb} {url}: {answer.status} {content!r}"
            return msgspec.json.decode(content) if content else None

    async def truth(self) -> dict[str, dict[str, Any]]:
        """The supplier's true values, by stone id."""
        return {row["id"]: row for row in await self.feed("GET", "stones", limit="100000")}

    async def fetch(self, statement: str, *values: object) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(statement, *values)]

    async def value(self, statement: str, *values: object) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(statement, *values)

    async def newest(self, feed: str = FEED) -> Run | None:
        async with self.database.connection() as connection:
            return await repository.newest(connection, feed)

    def watermark(self) -> dict[str, Any] | None:
        """The content of the watermark. None before the first."""
        if not self.watermark_file.exists():
            return None
        content: dict[str, Any] = msgspec.json.decode(self.watermark_file.read_bytes())
        return content

    # Processes

    def _launch(self, name: str, arguments: Sequence[str], more: Mapping[str, str] | None = None) -> Child:
        own = {"FAULTS_ROLE": name, "FAULTS_DIRECTORY": str(self._points)}
        environment = {**self._surroundings, **self.stack.environment, **own, **(more or {})}
        child = Child(
            name,
            self._fork_server,
            ChildSpecification(arguments, environment, str(self.stack.directory / f"{name}.log")),
        )
        child.start()
        return child

    async def start_fork_server(self) -> None:
        """Load all modules once, for all later processes."""
        process = self.stack.launch("fork-server", "tests.faults.fork_server", str(self._fork_server))
        await process.ready(lambda: asyncio.sleep(0, self._fork_server.exists()), timeout_seconds=_COMMAND_SECONDS)

    def scheduler(self, *arguments: str, name: str = SCHEDULER, settings: Mapping[str, str] | None = None) -> Child:
        """Start a scheduler."""
        self.processes.order_scheduler()
        return self._launch(name, ["schedule", "--json", *arguments], settings)

    def api(self, port: int) -> Child:
        """Start the API on a port."""
        return self._launch("api", ["api", "--host", "127.0.0.1", "--port", str(port)])

    def settle(self) -> Child:
        """Start one round of the trading jobs."""
        return self._launch("settle", ["settle"])

    async def command(self, *arguments: str, settings: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        """Run `python -m sync` with these arguments. Returns its exit code, its output and its log.

        Raises:
            TimeoutError: it does not end.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sync", *arguments),
            cwd=_SOURCE,
            env={**self._surroundings, **self.stack.environment, **(settings or {})},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_COMMAND_SECONDS):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, out.decode(), err.decode()

    async def output(self, *arguments: str) -> str:
        """The output of a command that must succeed."""
        code, out, err = await self.command(*arguments)
        assert code == 0, err
        return out

    async def attempt(
        self,
        *arguments: str,
        seconds: float = 120,
        settings: Mapping[str, str] | None = None,
        watch: Watch | None = None,
    ) -> Attempt:
        """Start one run and wait for the end of run and scheduler, with any outcome.

        Raises:
            Hung: it did not end in time.
        """
        before = await self.newest()
        scheduler = self.scheduler(*arguments, settings=settings)
        until = time.monotonic() + seconds
        while True:
            self.processes.tend()
            ended = not scheduler.running  # checked first: its effects before its end are then visible
            run = await self.newest()
            if run is not None and before is not None and run.id == before.id:
                run = None
            if watch is not None:
                await watch(run, scheduler)
            if ended and (run is None or not run.is_open):
                return Attempt(run, scheduler.exit_code, scheduler.last_lines(3))
            if time.monotonic() > until:
                await scheduler.kill()
                raise Hung(f"{run.status if run else 'no run'}: {scheduler.last_lines(3)}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def complete(self, *arguments: str, seconds: float = 120, watch: Watch | None = None) -> list[Run]:
        """Start runs, as cron does, until one has completed. Returns all runs, the completed one last.

        Raises:
            Hung: no run completed in time.
        """
        until = time.monotonic() + seconds
        runs: list[Run] = []
        while True:
            attempt = await self.attempt(*arguments, seconds=until - time.monotonic(), watch=watch)
            if attempt.run is not None:
                runs.append(attempt.run)
                if attempt.run.status == "completed":
                    return runs

    async def ended(self, seconds: float = 120) -> Run:
        """The newest run, as soon as it has ended.

        Raises:
            Hung: it did not end in time.
        """
        until = time.monotonic() + seconds
        while (run := await self.newest()) is None or run.is_open:
            if time.monotonic() > until:
                raise Hung(f"{run.status if run else 'no run'}")
            self.processes.tend()
            await asyncio.sleep(_LOOK_SECONDS)
        return run

    async def idle(self) -> None:
        """Wait until no receivable message is left.

        Raises:
            Hung: messages are left after the timeout.
        """
        await self.until(
            lambda queues: (
                not any(queues[queue][state] for queue in _CONSUMED for state in ("active", "locked", "scheduled"))
            ),
            tend=True,
        )

    async def until(
        self, condition: Callable[[Mapping[str, Mapping[str, int]]], bool], *, seconds: float = 60, tend: bool = False
    ) -> None:
        """Wait for a condition on the counts of the queues. Without `tend`, dead processes are not restarted.

        Raises:
            Hung: the condition is not met in time.
        """
        until = time.monotonic() + seconds
        while not condition(counts := await self.queues("GET", "queues")):
            if time.monotonic() > until:
                raise Hung(f"the queues hold {counts}")
            if tend:
                self.processes.tend()
            await asyncio.sleep(_LOOK_SECONDS)

    async def reset(self) -> None:
        """Restore the initial state: empty inventory, empty queues, no watermark, the initial feed, no faults."""
        self.processes.disarm()
        self.processes.tend()
        await self.queues("DELETE", "faults")
        await self.queues("POST", "drop")
        assert self.stack.supplier is not None
        await self.stack.supplier.kill()
        await self.stack.supplier.start()
        for file in self.watermark_file.parent.glob("*.json"):
            file.unlink()
        async with self.database.transaction() as connection:
            # A test may leave a stopped or dying process whose session is inside a transaction.
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
            )
            await connection.execute(f"SET LOCAL lock_timeout = '30s'; TRUNCATE {_TABLES}")
        self.processes.deaths()
        self.processes.forget()
        self.processes.surprises.clear()


def feed_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings of feeds in an environment, as arguments of `Settings.read`."""
    return {name.lower(): value for name, value in environment.items() if name == "FEEDS" or is_feed_variable(name)}


@asynccontextmanager
async def open_site(options: Options, roles: Sequence[str] = ROLES) -> AsyncIterator[Site]:
    """Open an installation."""
    names = {variable.name for variable in Settings.variables()}
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    surroundings = {**inherited, **SMALL, **options.settings}
    supplier = SupplierOptions(
        stones=options.stones, seed=options.seed, further=("--bad-data", str(options.bad_data), "--spread", "density")
    )
    async with AsyncExitStack() as everything:
        stack = await everything.enter_async_context(
            Stack(
                surroundings,
                supplier=supplier,
                lock_seconds=LOCK_SECONDS,
                max_delivery_count=options.max_deliveries,
            )
        )
        url = stack.environment["DATABASE_URL"]
        await upgrade(url)
        await create_raw_tables(url, Settings.read(**feed_settings(surroundings)).by_feed)
        database = await everything.enter_async_context(Database.open(Settings.read(database_url=url).database))
        async with database.connection() as connection:
            await connection.execute(_RULES)
        session = await everything.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_HTTP_SECONDS))
        )
        site = Site(stack, database, session, options, surroundings)
        await site.start_fork_server()
        everything.push_async_callback(site.processes.end)
        site.processes.start(roles)
        yield site
