"""The whole inventory on one machine: its servers, its database brought up to date, its processes, under one roof."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, NoReturn, TypeVar

import aiohttp
import asyncpg
import msgspec
from sqlalchemy.exc import SQLAlchemyError

from inventory.core.database import Database
from inventory.core.errors import InventoryError
from inventory.core.migrate import create_raw_tables, upgrade
from inventory.core.settings import Settings
from inventory.runs.models import Run
from sandbox import logs, price_list, roles, supervisor
from sandbox.progress import Display, Moment, Silent
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
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # where such a server is reached


class NotMigrated(InventoryError):
    """The database can't be brought up to date."""

    code = "NOT_MIGRATED"


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What someone asks of an installation. `port` None: nothing is served; 0 takes a free port.

    `generated` stones of the supplier's assortment follow the `stones`. `lock_seconds` is how long a silent process keeps its work, None the usual time; `keeps` says whether what ends by
    itself is started again; `verbose` shows all logs; `feeds`: see `sandbox.price_list` for the feed `csv`.
    """

    stones: int
    generated: int = 0
    seed: int
    port: int | None
    lock_seconds: float | None = None
    keeps: bool = False
    verbose: bool = False
    feeds: tuple[str, ...] = ("nivoda",)


class Installation:
    """An installation that runs. See `install`."""

    def __init__(
        self, stack: Stack, environment: Mapping[str, str], settings: Settings, database: Database, *, keeps: bool
    ) -> None:
        self.stack = stack
        self.environment = environment
        self.settings = settings
        self.database = database
        self.programs: dict[str, Process] = {}
        self.url: str | None = None
        self.shop_url: str | None = None
        self._keeps = keeps
        self._shop_address = ("", 0)

    @property
    def shared(self) -> dict[str, str]:
        """The environment with which another process joins."""
        return roles.shared(self.environment)

    def launch(self, role: roles.Role, environment: Mapping[str, str] | None = None) -> Process:
        """Start a process, with these variables beside the installation's; it ends with the installation."""
        process = self.stack.launch(role.name, role.module, *role.arguments, environment=environment)
        self.programs[role.name] = process
        return process

    def serve(self, host: str, port: int) -> None:
        """Start the API. It leads `/shop` to the shop, which `open_shop` starts."""
        shown = _ANY_ADDRESS.get(host, host)
        self.url, self._shop_address = f"http://{shown}:{port}", (host, _shop_port(host, port))
        self.shop_url = f"http://{shown}:{self._shop_address[1]}"
        self.launch(roles.api(host, port), {"SHOP_URL": self.shop_url})

    async def open_shop(self, key: str) -> None:
        """Start the shop with its key.

        Raises:
            ProcessFailed: it ended, or does not become ready.
        """
        if self.url:
            process = self.launch(roles.shop(self.url, *self._shop_address), {"SHOP_API_KEY": key})
            await process.ready(lambda: _answers(f"{self.shop_url}/shop"), timeout_seconds=_READY_SECONDS)

    async def ready(self) -> None:
        """Wait until the API, if there is one, can work.

        Raises:
            ProcessFailed: it ended, or does not become ready.
        """
        if self.url:
            url = f"{self.url}/ready"
            await self.programs["api"].ready(lambda: _answers(url), timeout_seconds=_READY_SECONDS)

    async def sync(self, display: Display) -> list[Run]:
        """One sync of each feed from beginning to end, all at the same time. The display follows the first feed.

        Raises:
            SyncFailed: one did not succeed.
        """
        first, *others = self.settings.by_feed
        shown: list[tuple[str, Display]] = [(first, display), *((feed, Silent()) for feed in others)]
        tasks = [asyncio.create_task(self._sync(*one)) for one in shown]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def _sync(self, feed: str, display: Display) -> Run:
        log = self.stack.directory / f"scheduler-{feed}.log"
        return await SyncRun(self.database, feed, self.environment, log).complete(display)

    async def watch(self, say: supervisor.Say) -> NoReturn:
        """Look after every process and server; what happens to them is said.

        Raises:
            ProcessFailed: one ended by itself, and is not to be started again or can't be.
        """
        if not self._keeps:
            await self.stack.watch()
        programs = [supervisor.kept_program(process) for process in self.programs.values()]
        servers = [supervisor.kept_server(server) for server in self.stack.servers]
        await supervisor.keep([*servers, *programs], say)

    async def stop(self) -> None:
        """End all processes at once; the servers are still there for what they have to put down."""
        await asyncio.gather(*(process.stop() for process in self.programs.values()))


@asynccontextmanager
async def install(wishes: Wishes, given: Mapping[str, str], display: Display) -> AsyncIterator[Installation]:
    """An installation for the length of a `with`. `given` is the caller's environment.

    Raises:
        SettingsError: a setting is wrong.
        CannotListen: another process has the port, or the host is not this machine's.
        InventoryError: it could not be started; the message says why.
    """
    outside = roles.surroundings(given, wishes.lock_seconds)
    present = roles.settings_of(outside)
    if present.nivoda.endpoint:
        for name in _CREDENTIALS:
            present.nivoda.need(name)
    if present.watermark.directory:
        usable_directory(present.watermark.directory)
    host, port = present.api.host, wishes.port
    if port is not None:
        require_free(port, f"choose another one with --port, such as --port {max(port + 1, 1024)}", host=host)
    display.at(Moment("starting"))
    async with AsyncExitStack() as everything:
        supplier = SupplierOptions(stones=wishes.stones, generated=wishes.generated, seed=wishes.seed, own_media=True)
        stack = await everything.enter_async_context(
            Stack(outside, supplier=supplier, lock_seconds=wishes.lock_seconds or _LOCK_SECONDS)
        )
        if wishes.verbose:
            following = asyncio.create_task(logs.follow(stack.directory, display.say))
            everything.callback(following.cancel)
        if price_list.FEED in wishes.feeds:
            rows = min(wishes.stones, _PRICE_LIST_STONES)
            delivered = await asyncio.to_thread(
                price_list.deliver, stack.directory / "price-list", rows, seed=wishes.seed
            )
            stack.environment |= {"FEEDS": ",".join(wishes.feeds), **delivered}
        environment = {**outside, **stack.environment}
        settings = roles.settings_of(environment)
        await _migrate(settings)
        database = await everything.enter_async_context(Database.open(settings.database))
        installation = Installation(stack, environment, settings, database, keeps=wishes.keeps)
        everything.push_async_callback(installation.stop)
        for role in roles.background(roles.cores()):
            installation.launch(role)
        if port is not None:
            installation.serve(host, port or free_ports(1)[0])
        yield installation


async def first(work: Coroutine[Any, Any, T], watch: Coroutine[Any, Any, NoReturn]) -> T:
    """The result of the work, unless the watch has something to report before."""
    tasks = (asyncio.create_task(work), asyncio.create_task(watch))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        watching: asyncio.Task[NoReturn] = tasks[1]
        return watching.result() if watching.done() else tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _migrate(settings: Settings) -> None:
    name = "direct_url" if settings.database.direct_url else "url"
    try:
        await upgrade(settings.database.need(name), schema=settings.database.schema_name)
        await create_raw_tables(settings.database.need(name), settings.by_feed, schema=settings.database.schema_name)
    except (OSError, asyncpg.PostgresError, SQLAlchemyError) as error:
        reason = str(error).partition("\n")[0]
        raise NotMigrated(f"The database of {name.upper()} can't be brought up to date: {reason}") from error


def _shop_port(host: str, port: int) -> int:
    """The port after the API's, or any that is free."""
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
