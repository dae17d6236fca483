"""Simulator server: the supplier API and the control API on two ports of one process."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Generator
from types import TracebackType
from typing import Any, Self

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inventory.core.clock import Clock, utc_now
from sandbox.stack.ports import LOOPBACK
from sandbox.supplier.accounts import Account, Accounts
from sandbox.supplier.behaviour import Behaviour, BehaviourHolder
from sandbox.supplier.call_log import CallLog
from sandbox.supplier.control import Control
from sandbox.supplier.endpoint import PATH, RESET, Endpoint
from sandbox.supplier.executor import Executor
from sandbox.supplier.faults import Faults
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.media import Media
from sandbox.supplier.served_schema import SchemaOptions, ServedSchema
from sandbox.supplier.spread import Spread
from sandbox.supplier.trading import Trading

_GRACE_SECONDS = 1
_BACKLOG = 512
DEFAULT_ACCOUNT = Account("sandbox@example.com", "sandbox")


class Options(msgspec.Struct, frozen=True):
    """Options of a simulator. Port 0: any free port; `bad_data_share`: between 0 and 1.

    `generated`: number of stones of the assortment after the `stones`. `host`: address to listen on. The default is
    loopback only, because the control API has no authentication.
    """

    host: str = LOOPBACK
    port: int = 0
    control_port: int = 0
    stones: int = 53_940
    seed: int = 1
    spread: Spread = "real"
    bad_data_share: float = 0.004
    generated: int = 0
    media_url: str = "https://media.sandbox.example"
    accounts: tuple[Account, ...] = (DEFAULT_ACCOUNT,)
    token_seconds: float = 6 * 3600
    hold_seconds: float = 24 * 3600
    schema: SchemaOptions = SchemaOptions()
    behaviour: Behaviour = Behaviour()


class Simulator:
    """Supplier simulator as an asynchronous context manager. `inventory` may be read and changed directly."""

    def __init__(self, options: Options, clock: Clock = utc_now) -> None:
        """Generate the stones and bind the ports. Requests are served after `__aenter__`.

        Raises:
            OSError: a port is in use.
            ValueError: the schema options name a member that the schema does not have.
        """
        self._sockets = [_bind(options.host, port) for port in (options.port, options.control_port)]
        self.endpoint, self.control = (f"http://{options.host}:{bound.getsockname()[1]}" for bound in self._sockets)
        self.endpoint += PATH
        self.inventory = Inventory(
            count=options.stones,
            seed=options.seed,
            spread_of=options.spread,
            bad_data_share=options.bad_data_share,
            generated=options.generated,
            media_url=options.media_url,
            clock=clock,
        )
        faults, calls = Faults(), CallLog(time.monotonic)
        accounts = Accounts(options.accounts, options.token_seconds, clock)
        trading = Trading(self.inventory, options.hold_seconds)
        behaviour = BehaviourHolder(options.behaviour)
        answers = Executor(self.inventory, accounts, trading, faults, calls, behaviour)
        endpoint = Endpoint(ServedSchema(options.schema), answers, accounts, faults, calls, Media(self.inventory))
        self._control = Control(self.inventory, trading, endpoint, behaviour, faults, calls)
        self._servers = [
            _Server(_config(endpoint)),
            _Server(_config(self._control.application())),
        ]
        self._running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._running = [
            asyncio.create_task(server.serve([bound]))
            for server, bound in zip(self._servers, self._sockets, strict=True)
        ]
        for server in self._servers:
            await server.listening.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._control.drift.stop()
        for server in self._servers:
            server.stop()
        await asyncio.gather(*self._running)


class _Server(uvicorn.Server):
    """uvicorn server that stops immediately on `stop` instead of polling ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Stop the server."""
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # updates the `Date` header
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for closing in (*self.servers, *(sockets or ())):
            closing.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # idle connections close in the next iteration of the event loop
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._wait_tasks_to_complete()
        except TimeoutError:
            for task in self.server_state.tasks:
                task.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # Two servers share this process, so the process handles signals.
        yield


class _Protocol(HttpToolsProtocol):
    """HTTP protocol with an ASGI extension by which the application resets the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        application = self.app

        async def with_reset(scope: Any, receive: Any, send: Any) -> None:
            scope["extensions"] = {RESET: lambda: _reset(transport)}
            await application(scope, receive, send)

        self.app = with_reset


def _reset(transport: asyncio.Transport) -> None:
    # With SO_LINGER 0 the kernel sends RST instead of FIN.
    bound: socket.socket = transport.get_extra_info("socket")
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _bind(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _config(application: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=_Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",
        access_log=False,
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        server_header=False,
    )
