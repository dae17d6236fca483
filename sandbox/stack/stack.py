"""Local stack: start the servers that the inventory needs, except servers that are configured by a setting."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn, Self

from inventory.core.settings.service_bus import ServiceBusSettings
from sandbox.stack.postgres import Postgres
from sandbox.stack.process import Process, ProcessFailed
from sandbox.stack.programs import Broker, BrokerOptions, Supplier, SupplierOptions, python_module
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.server import Server
from sandbox.stack.valkey import Valkey

DATABASE = "diamonds"

_POLL_SECONDS = 0.2
# A server is external if one of these settings is set.
_DATABASE_GIVEN = ("DATABASE_URL",)
_REDIS_GIVEN = ("REDIS_URL",)
_BUS_GIVEN = ("AZURE_SERVICE_BUS_CONNECTION_STRING", "AZURE_SERVICE_BUS_NAMESPACE")
_WATERMARK_GIVEN = ("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCOUNT_URL", "WATERMARK_DIRECTORY")
_SUPPLIER_GIVEN = ("NIVODA_ENDPOINT",)


class Stack:
    """Servers and programs on one machine, as an async context manager. Use it from the main thread.

    `environment` holds the settings for processes of the stack. At its end the stack stops all its processes and removes all
    its files.
    """

    def __init__(
        self,
        caller_environment: Mapping[str, str],
        *,
        supplier: SupplierOptions = SupplierOptions(),  # noqa: B008 - frozen
        lock_seconds: float = 60.0,
        max_delivery_count: int = 10,
        durable: bool = False,
        database_ready: Callable[[Mapping[str, str]], None] | None = None,
    ) -> None:
        """`caller_environment`: environment variables. A setting of an external server replaces a server of the stack.

        `lock_seconds` and `max_delivery_count` apply to all queues. `durable=False`: Postgres does not wait for the disk.
        `database_ready` is called while the other servers start, with the settings of the stack's database, if it has one.
        """
        self._caller_environment = dict(caller_environment)
        self._supplier_options = supplier
        self._lock_seconds = lock_seconds
        self._max_delivery_count = max_delivery_count
        self._durable = durable
        self._database_ready = database_ready
        self._scratch = ExitStack()
        self._programs: list[Process] = []
        self._database_settings: Mapping[str, str] = {}
        self.environment: dict[str, str] = {}
        self.directory = Path()
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self.broker: Broker | None = None
        self.supplier: Supplier | None = None

    def __repr__(self) -> str:
        return f"<Stack {self.servers!r}>"

    @property
    def servers(self) -> list[Server]:
        """Servers that the stack starts. External servers are not included."""
        every = (self.postgres, self.valkey, self.broker, self.supplier)
        return [server for server in every if server is not None]

    async def __aenter__(self) -> Self:
        """Start all servers that are not external, concurrently.

        Raises:
            BinaryMissing, NoAccount, NoScratch: this machine cannot run the stack.
            ProcessFailed: a server did not start.
        """
        self.directory = self._scratch.enter_context(scratch_directory())
        try:
            self._create_servers()
            async with asyncio.TaskGroup() as starting:
                starting.create_task(self._start_database())
                for server in self.servers:
                    if server is not self.postgres:
                        starting.create_task(server.start())
            self._build_environment()
        except BaseExceptionGroup as failures:
            await self._stop()
            raise failures.exceptions[0] from None  # the first failure cancelled the other starts
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    def launch(self, name: str, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Process:
        """Start `python -m module arguments` as a program of the stack. It is stopped before the servers.

        `environment` extends the environments of the caller and the stack. The log is `name`.log in the directory of the stack.
        """
        process = python_module(
            module,
            arguments,
            name=name,
            log=self.directory / f"{name}.log",
            environment={**self._caller_environment, **self.environment, **(environment or {})},
        )
        process.start()
        self._programs.append(process)
        return process

    async def watch(self) -> NoReturn:
        """Wait while all servers and programs run.

        Raises:
            ProcessFailed: a server or program ended.
        """
        while True:
            for process in (*self._programs, *(server.process for server in self.servers)):
                if process is not None and not process.running:
                    raise ProcessFailed(process, f"ended unexpectedly with exit code {process.exit_code}")
            await asyncio.sleep(_POLL_SECONDS)

    def _given(self, names: tuple[str, ...]) -> bool:
        return any(self._caller_environment.get(name) for name in names)

    def _create_servers(self) -> None:
        if not self._given(_DATABASE_GIVEN):
            bindir = self._caller_environment.get("POSTGRES_BINDIR")
            self.postgres = Postgres(self.directory, durable=self._durable, bindir=Path(bindir) if bindir else None)
        if not self._given(_REDIS_GIVEN):
            self.valkey = Valkey(self.directory)
        if not self._given(_BUS_GIVEN):
            options = BrokerOptions(self._queues(), self._lock_seconds, self._max_delivery_count)
            self.broker = Broker(self.directory, options, self._caller_environment)
        if not self._given(_SUPPLIER_GIVEN):
            self.supplier = Supplier(self.directory, self._supplier_options, self._caller_environment)

    async def _start_database(self) -> None:
        settings: dict[str, str] = {}
        if self.postgres:
            await self.postgres.start()
            url = await self.postgres.create_database(DATABASE)
            # Both are set, so that a DATABASE_DIRECT_URL of the caller's environment is not used.
            settings = dict.fromkeys(("DATABASE_URL", "DATABASE_DIRECT_URL"), url)
        self._database_settings = settings
        if self._database_ready:
            self._database_ready(settings)

    def _build_environment(self) -> None:
        given = (*_DATABASE_GIVEN, *_REDIS_GIVEN, *_BUS_GIVEN, *_WATERMARK_GIVEN, *_SUPPLIER_GIVEN)
        self.environment = {
            name: self._caller_environment[name] for name in given if self._caller_environment.get(name)
        }
        self.environment |= self._database_settings
        if self.valkey:
            self.environment |= {"REDIS_URL": self.valkey.url()}
        if self.broker:
            self.environment |= {
                "AZURE_SERVICE_BUS_CONNECTION_STRING": self.broker.connection_string,
                "QUEUE_MAX_DELIVERY_COUNT": str(self._max_delivery_count),
            }
        if self.supplier:
            self.environment |= {
                "NIVODA_ENDPOINT": self.supplier.endpoint,
                "NIVODA_USERNAME": self.supplier.username,
                "NIVODA_PASSWORD": self.supplier.password,
            }
        if not self._given(_WATERMARK_GIVEN):
            watermarks = self.directory / "watermarks"
            watermarks.mkdir(mode=0o700)
            self.environment |= {"WATERMARK_DIRECTORY": str(watermarks)}

    def _queues(self) -> tuple[str, ...]:
        names = ("queue_work_items", "queue_work_done", "queue_consolidate")
        return tuple(
            self._caller_environment.get(name.upper()) or str(getattr(ServiceBusSettings, name)) for name in names
        )

    async def _stop(self) -> None:
        """Stop the programs in reverse order of their start, then the servers; then remove the files."""
        try:
            for process in reversed(self._programs):
                await process.stop()
            await asyncio.gather(*(server.stop() for server in self.servers))
        finally:
            self._scratch.close()
