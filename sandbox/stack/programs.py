"""Processes of Python programs: the broker, the supplier simulator, and any module."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

import sandbox
from sandbox.stack.ports import LOOPBACK
from sandbox.stack.process import Process
from sandbox.stack.server import Server

_SOURCE = Path(sandbox.__file__).parent.parent


def python_module(
    module: str, arguments: Sequence[str], *, name: str, log: Path, environment: Mapping[str, str]
) -> Process:
    """Return the process of `python -m module arguments`, with this interpreter, in the root of the project."""
    return Process(
        name,
        [sys.executable, "-m", module, *arguments],
        log=log,
        environment=environment,
        directory=_SOURCE,
    )


class BrokerOptions(msgspec.Struct, frozen=True):
    """Options of the broker: queues, lock duration in seconds, deliveries before a message is dead-lettered."""

    queues: tuple[str, ...]
    lock_seconds: float = 60.0
    max_delivery_count: int = 10


class SupplierOptions(msgspec.Struct, frozen=True):
    """Options of the supplier simulator. `seed`: random seed; `further`: additional command line options.

    `generated`: number of stones of the assortment after the `stones`. `own_media`: URLs of media point to the
    simulator.
    """

    stones: int = 53_940
    generated: int = 0
    seed: int = 1
    own_media: bool = False
    further: tuple[str, ...] = ()


class Broker(Server):
    """Service Bus broker. Messages are in memory only: a restart removes them."""

    name = "broker"

    def __init__(self, directory: Path, options: BrokerOptions, environment: Mapping[str, str]) -> None:
        """`directory`: directory of the log file."""
        super().__init__(port_count=2)
        self._directory = directory
        self._options = options
        self._environment = environment

    @property
    def connection_string(self) -> str:
        return (
            f"Endpoint=sb://{LOOPBACK}:{self.port};SharedAccessKeyName=sandbox;SharedAccessKey=sandbox;"
            "UseDevelopmentEmulator=true;"
        )

    @property
    def control_url(self) -> str:
        """URL of the control API."""
        return f"http://{LOOPBACK}:{self.ports[1]}"

    def program(self) -> Process:
        arguments = [
            *("--port", str(self.ports[0]), "--control-port", str(self.ports[1])),
            *(part for queue in self._options.queues for part in ("--queue", queue)),
            *("--lock-seconds", f"{self._options.lock_seconds:g}"),
            *("--max-delivery-count", str(self._options.max_delivery_count)),
        ]
        log = self._directory / "broker.log"
        return python_module("sandbox.broker", arguments, name=self.name, log=log, environment=self._environment)

    async def answers(self) -> bool:
        return await _listens(self.ports[0]) and await _http_ok(self.ports[1], "/queues")


class Supplier(Server):
    """Supplier simulator. A restart restores the initial stones."""

    name = "supplier"
    start_seconds = 120.0  # for half a million stones

    username = "sandbox@example.com"
    password = "sandbox"

    def __init__(self, directory: Path, options: SupplierOptions, environment: Mapping[str, str]) -> None:
        """`directory`: directory of the log file."""
        super().__init__(port_count=2)
        self._directory = directory
        self._options = options
        self._environment = environment

    @property
    def endpoint(self) -> str:
        """URL of the GraphQL API."""
        return f"http://{LOOPBACK}:{self.port}/api/diamonds"

    @property
    def control_url(self) -> str:
        """Base URL of the control API; its paths begin with /control."""
        return f"http://{LOOPBACK}:{self.ports[1]}"

    def program(self) -> Process:
        arguments = [
            *("--port", str(self.ports[0]), "--control-port", str(self.ports[1])),
            *("--stones", str(self._options.stones), "--seed", str(self._options.seed)),
            *("--generated", str(self._options.generated)),
            *(("--media-url", f"http://{LOOPBACK}:{self.port}") if self._options.own_media else ()),
            *("--username", self.username, "--password", self.password),
            *self._options.further,
        ]
        log = self._directory / "supplier.log"
        return python_module("sandbox.supplier", arguments, name=self.name, log=log, environment=self._environment)

    async def answers(self) -> bool:
        return await _listens(self.ports[0]) and await _http_ok(self.ports[1], "/control/summary")


async def _listens(port: int) -> bool:
    _, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.close()
    return True


async def _http_ok(port: int, path: str) -> bool:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
        return b" 200 " in await reader.readline()
    finally:
        writer.close()
