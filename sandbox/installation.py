"""Installation on one machine: the servers, the migrated database and all processes of the inventory."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any, NoReturn, TypeVar

import aiohttp
import asyncpg
import msgspec

from inventory.core.database import Database
from inventory.core.errors import InventoryError
from inventory.core.settings import Settings
from inventory.core.settings.database import DatabaseSettings
from inventory.runs.models import Run
from sandbox import logs, price_list, roles, supervisor
from sandbox.progress import Display, NoDisplay, ProgressState
from sandbox.stack.ports import CannotListen, free_ports, require_free
from sandbox.stack.process import Process
from sandbox.stack.programs import SupplierOptions
from sandbox.stack.stack import Stack
from sandbox.sync_run import SyncRun
from sync.watermark.store import usable_directory

T = TypeVar("T")

_CREDENTIALS = ("username", "password")
_READY_SECONDS = 30.0
_LOCK_SECONDS = 60.0
_PRICE_LIST_STONES = 10_000
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # address of a server that listens on all interfaces


class NotMigrated(InventoryError):
    """The migration of the database failed."""

    code = "NOT_MIGRATED"


class InstallationOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of an installation.

    `stones`: real stones of the simulated supplier; `generated`: further stones of its assortment. `port`: port of the API, None
    without an API, 0 for a free port. `lock_seconds`: time after which the work of a silent process is taken over, None for
    the default. `restarts`: whether processes that end are started again. `verbose`: whether all logs are shown. `feeds`: names
    of the feeds; `sandbox.price_list` provides the feed `csv`.
    """

    stones: int
    generated: int = 0
    seed: int
    port: int | None
    lock_seconds: float | None = None
    restarts: bool = False
    verbose: bool = False
    feeds: tuple[str, ...] = ("nivoda",)


class Installation:
    """Running installation. See `install`."""

    def __init__(
        self, stack: Stack, environment: Mapping[str, str], settings: Settings, database: Database, *, restarts: bool
    ) -> None:
        self.stack = stack
        self.environment = environment
        self.settings = settings
        self.database = database
        self.programs: dict[str, Process] = {}
        self.url: str | None = None
        self.shop_url: str | None = None
        self._restarts = restarts
        self._shop_address = ("", 0)

    @property
    def shared(self) -> dict[str, str]:
        """Environment variables for another process of this installation."""
        return roles.shared(self.environment)

    def launch(self, role: roles.Role, environment: Mapping[str, str] | None = None) -> Process:
        """Start a process with the environment of the installation and these variables. It stops with the installation."""
        process = self.stack.launch(role.name, role.module, *role.arguments, environment=environment)
        self.programs[role.name] = process
        return process

    def serve(self, host: str, port: int) -> None:
        """Start the API. It redirects `/shop` to the shop, which `open_shop` starts."""
        shown = _ANY_ADDRESS.get(host, host)
        self.url, self._shop_address = f"http://{shown}:{port}", (host, _shop_port(host, port))
        self.shop_url = f"http://{shown}:{self._shop_address[1]}"
        self.launch(roles.api(host, port), {"SHOP_URL": self.shop_url})

    async def open_shop(self, key: str) -> None:
        """Start the shop with its API key.

        Raises:
            ProcessFailed: the process ended, or did not become ready in time.
        """
        if self.url:
            process = self.launch(roles.shop(self.url, *self._shop_address), {"SHOP_API_KEY": key})
            await process.ready(lambda: _answers(f"{self.shop_url}/shop"), timeout_seconds=_READY_SECONDS)

    async def ready(self) -> None:
        """Wait until the API, if there is one, is ready.

        Raises:
            ProcessFailed: the process ended, or did not become ready in time.
        """
        if self.url:
            url = f"{self.url}/ready"
            await self.programs["api"].ready(lambda: _answers(url), timeout_seconds=_READY_SECONDS)

    async def sync(self, display: Display) -> list[Run]:
        """Run one sync of each feed, all at the same time. The display shows the progress of the first feed.

        Raises:
            SyncFailed: a sync did not succeed.
        """
        displayed, *others = self.settings.by_feed
        shown: list[tuple[str, Display]] = [(displayed, display), *((feed, NoDisplay()) for feed in others)]
        tasks = [asyncio.create_task(self._sync(*one)) for one in shown]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def _sync(self, feed: str, display: Display) -> Run:
        log = self.stack.directory / f"scheduler-{feed}.log"
        return await SyncRun(self.database, feed, self.environment, log).complete(display)

    async def watch(self, report: supervisor.Report) -> NoReturn:
        """Supervise every process and server, and report their restarts.

        Raises:
            ProcessFailed: a process ended, and restarts are off or do not help.
        """
        if not self._restarts:
            await self.stack.watch()
        programs = [supervisor.supervised_program(process) for process in self.programs.values()]
        servers = [supervisor.supervised_server(server) for server in self.stack.servers]
        await supervisor.supervise([*servers, *programs], report)

    async def stop(self) -> None:
        """Stop all processes at the same time. The servers still run, so that the processes can save their state."""
        await asyncio.gather(*(process.stop() for process in self.programs.values()))


@asynccontextmanager
async def install(
    options: InstallationOptions, given: Mapping[str, str], display: Display
) -> AsyncIterator[Installation]:
    """Open an installation for a `with` statement. `given`: environment of the caller.

    Raises:
        SettingsError: a setting is invalid.
        CannotListen: another process uses the port, or the host is not an address of this machine.
        InventoryError: the installation could not be started; the message says why.
    """
    outside = roles.base_environment(given, options.lock_seconds)
    present = roles.settings_of(outside)
    if present.nivoda.endpoint:
        for name in _CREDENTIALS:
            present.nivoda.need(name)
    if present.watermark.directory:
        usable_directory(present.watermark.directory)
    host, port = present.api.host, options.port
    if port is not None:
        require_free(port, f"choose another one with --port, such as --port {_another(port)}", host=host)
    display.update(ProgressState("starting"))
    async with AsyncExitStack() as exit_stack:
        supplier = SupplierOptions(
            stones=options.stones, generated=options.generated, seed=options.seed, own_media=True
        )

        migrations: list[asyncio.Task[None]] = []

        def migrate(database: Mapping[str, str]) -> None:
            migration = asyncio.create_task(_migrate(roles.settings_of({**outside, **database}).database))
            exit_stack.callback(migration.cancel)
            # If another server does not start, its error is the reason, not the lost connection of the migration.
            migration.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            migrations.append(migration)

        stack = await exit_stack.enter_async_context(
            Stack(
                outside,
                supplier=supplier,
                lock_seconds=options.lock_seconds or _LOCK_SECONDS,
                database_ready=migrate,
            )
        )
        if options.verbose:
            following = asyncio.create_task(logs.follow(stack.directory, display.message))
            exit_stack.callback(following.cancel)
        if price_list.FEED in options.feeds:
            rows = min(options.stones, _PRICE_LIST_STONES)
            delivered = await asyncio.to_thread(
                price_list.deliver, stack.directory / "price-list", rows, seed=options.seed
            )
            stack.environment |= {"FEEDS": ",".join(options.feeds), **delivered}
        environment = {**outside, **stack.environment}
        settings = roles.settings_of(environment)
        database = await exit_stack.enter_async_context(Database.open(settings.database))
        installation = Installation(stack, environment, settings, database, restarts=options.restarts)
        exit_stack.push_async_callback(installation.stop)
        # They load their code meanwhile, and wait for the schema.
        for role in roles.background(roles.cores()):
            installation.launch(role)
        await asyncio.gather(*migrations)
        await _create_raw_tables(settings)
        if port is not None:
            installation.serve(host, port or free_ports(1)[0])
        yield installation


async def watched(work: Coroutine[Any, Any, T], watch: Coroutine[Any, Any, NoReturn]) -> T:
    """Return the result of the work, or raise the error of the watch if that comes first."""
    tasks = (asyncio.create_task(work), asyncio.create_task(watch))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        watching: asyncio.Task[NoReturn] = tasks[1]
        return watching.result() if watching.done() else tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _migrate(settings: DatabaseSettings) -> None:
    from inventory.core.migrate import upgrade  # noqa: PLC0415 - imports Alembic, while the servers start

    with _migration_errors(settings) as url:
        await upgrade(url, schema=settings.schema_name)


async def _create_raw_tables(settings: Settings) -> None:
    from inventory.core.migrate import create_raw_tables  # noqa: PLC0415 - see `_migrate`

    with _migration_errors(settings.database) as url:
        await create_raw_tables(url, settings.by_feed, schema=settings.database.schema_name)


@contextmanager
def _migration_errors(settings: DatabaseSettings) -> Iterator[str]:
    """Provide the URL for migrations, and turn their errors into `NotMigrated`."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - see `_migrate`

    name = "direct_url" if settings.direct_url else "url"
    try:
        yield settings.need(name)
    except (OSError, asyncpg.PostgresError, SQLAlchemyError) as error:
        reason = str(error).partition("\n")[0]
        raise NotMigrated(f"The database of {name.upper()} cannot be migrated: {reason}") from error


def _another(port: int) -> int:
    """Return a port to propose. The one after `port` may be that of the other installation's shop."""
    return max(port + 10, 1024) if port + 10 < 2**16 - 1 else port - 10


def _shop_port(host: str, port: int) -> int:
    """Return the port after that of the API, or any free port."""
    try:
        require_free(port + 1, "", host=host)
    except (CannotListen, OverflowError):
        return free_ports(1)[0]
    return port + 1


async def _answers(url: str) -> bool:
    with suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status == 200  # noqa: PLR2004 - the status of success
    return False
