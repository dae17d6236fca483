"""The local stack: every server that the inventory needs, each replaced by a real one when its setting is given."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn, Self

from inventory.core.settings import Settings
from sandbox.stack.postgres import Postgres
from sandbox.stack.process import Process, ProcessFailed
from sandbox.stack.programs import Broker, BrokerOptions, Supplier, SupplierOptions, python_module
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.server import Server
from sandbox.stack.valkey import Valkey

DATABASE = "diamonds"

_LOOK_SECONDS = 0.2
# A part is external when one of its settings is given.
_DATABASE_GIVEN = ("DATABASE_URL",)
_REDIS_GIVEN = ("REDIS_URL",)
_BUS_GIVEN = ("AZURE_SERVICE_BUS_CONNECTION_STRING", "AZURE_SERVICE_BUS_NAMESPACE")
_WATERMARK_GIVEN = ("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCOUNT_URL", "WATERMARK_DIRECTORY")
_SUPPLIER_GIVEN = ("NIVODA_ENDPOINT",)


class Stack:
    """The servers of one machine, for the length of an `async with`.

    `environment` holds the settings with which a process joins. Of what the stack started itself nothing is left at the
    end: not a process, not a file. Use it from the main thread.
    """

    def __init__(
        self,
        outside: Mapping[str, str],
        *,
        supplier: SupplierOptions = SupplierOptions(),  # noqa: B008 - frozen
        lock_seconds: float = 60.0,
        max_delivery_count: int = 10,
        durable: bool = False,
    ) -> None:
        """`outside` is the environment of the caller, in which a given setting replaces a part.

        `lock_seconds` and `max_delivery_count` hold for all queues. `durable=False`: Postgres does not wait for the disk.
        """
        self._outside = dict(outside)
        self._supplier_options = supplier
        self._lock_seconds = lock_seconds
        self._max_delivery_count = max_delivery_count
        self._durable = durable
        self._scratch = ExitStack()
        self._programs: list[Process] = []
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
        """The servers that this stack starts itself."""
        every = (self.postgres, self.valkey, self.broker, self.supplier)
        return [server for server in every if server is not None]

    async def __aenter__(self) -> Self:
        """Start what is not given from outside, all at once.

        Raises:
            BinaryMissing, NoAccount, NoScratch: this machine can't run it; the message says what to do.
            ProcessFailed: a server did not start.
        """
        self.directory = self._scratch.enter_context(scratch_directory())
        try:
            self._choose()
            async with asyncio.TaskGroup() as starting:
                for server in self.servers:
                    starting.create_task(server.start())
            await self._describe()
        except BaseExceptionGroup as failures:
            await self._stop()
            raise failures.exceptions[0] from None  # the first one made the others stop
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    def launch(self, name: str, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Process:
        """Start `python -m module arguments` as a member of the stack; it ends before the servers do.

        `environment` comes on top of the caller's and the stack's. The log is `name`.log in the stack's directory.
        """
        process = python_module(
            module,
            arguments,
            name=name,
            log=self.directory / f"{name}.log",
            environment={**self._outside, **self.environment, **(environment or {})},
        )
        process.start()
        self._programs.append(process)
        return process

    async def watch(self) -> NoReturn:
        """Wait, for as long as every server and program runs.

        Raises:
            ProcessFailed: one ended by itself.
        """
        while True:
            for process in (*self._programs, *(server.process for server in self.servers)):
                if process is not None and not process.running:
                    raise ProcessFailed(process, f"ended by itself with exit code {process.exit_code}")
            await asyncio.sleep(_LOOK_SECONDS)

    def _given(self, names: tuple[str, ...]) -> bool:
        return any(self._outside.get(name) for name in names)

    def _choose(self) -> None:
        if not self._given(_DATABASE_GIVEN):
            bindir = self._outside.get("POSTGRES_BINDIR")
            self.postgres = Postgres(self.directory, durable=self._durable, bindir=Path(bindir) if bindir else None)
        if not self._given(_REDIS_GIVEN):
            self.valkey = Valkey(self.directory)
        if not self._given(_BUS_GIVEN):
            options = BrokerOptions(self._queues(), self._lock_seconds, self._max_delivery_count)
            self.broker = Broker(self.directory, options, self._outside)
        if not self._given(_SUPPLIER_GIVEN):
            self.supplier = Supplier(self.directory, self._supplier_options, self._outside)

    async def _describe(self) -> None:
        given = (*_DATABASE_GIVEN, *_REDIS_GIVEN, *_BUS_GIVEN, *_WATERMARK_GIVEN, *_SUPPLIER_GIVEN)
        self.environment = {name: self._outside[name] for name in given if self._outside.get(name)}
        if self.postgres:
            url = await self.postgres.create_database(DATABASE)
            # Both, so that a direct URL which stands in the caller's environment does not lead elsewhere.
            self.environment |= {"DATABASE_URL": url, "DATABASE_DIRECT_URL": url}
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
        return tuple(self._outside.get(name.upper()) or str(Settings.model_fields[name].default) for name in names)

    async def _stop(self) -> None:
        """Programs first, the last started first; then what they talked to; then the files."""
        try:
            for process in reversed(self._programs):
                await process.stop()
            await asyncio.gather(*(server.stop() for server in self.servers))
        finally:
            self._scratch.close()
