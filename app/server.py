"""Server process: serves the application until SIGTERM, then finishes the open requests."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from app.graphql.subscriptions.connections import ConnectionRegistry
from app.http.connections import ConnectionLimits, OpenConnections
from app.http.protocol import HttpConnection
from inventory.core.logging import get_logger
from inventory.core.settings import Settings

log = get_logger()

# Requests that are open get this long after the delay of SHUTDOWN_DELAY_SECONDS; orchestrators usually wait 30 seconds.
_DRAIN_SECONDS = 20.0
# For sockets to leave by themselves, and for tasks whose connection is closed.
_FAREWELL_SECONDS = 2.0
_TASK_SECONDS = 2.0
# What is sent and not taken for so long is not waited for any longer, or the connection of a client that stands still would
# stay open without limit.
_UNSENT_MILLISECONDS = 60_000


class CannotListen(Exception):
    """The address can't be had. The message says which, and how to choose another."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        CannotListen: the port is in use, not allowed, or the host isn't this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # on Linux
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNSENT_MILLISECONDS)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise CannotListen(f"Port {port} on {host}: {reason}. Choose another with --port or PORT.") from error
    return listener


class Server(uvicorn.Server):
    """uvicorn with the project's connections, and with a shutdown in three steps.

    After SIGTERM the process still accepts requests for a while, because proxies still send them, and says
    `Connection: close`. Azure Container Apps gives no notice before SIGTERM
    (https://github.com/microsoft/azure-container-apps/issues/1166, issues/1420). Then it closes its listeners and asks
    sockets to connect elsewhere. Then it waits for open requests.
    """

    def __init__(self, app: Starlette, settings: Settings) -> None:
        self.connections = OpenConnections(ConnectionLimits.of(settings))
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=partial(HttpConnection, connections=self.connections),  # type: ignore[arg-type]  # it calls it only
            ws="none",  # `HttpConnection` upgrades by itself
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # app.main decides which proxies to trust
        )
        super().__init__(config)
        self._client_connections: ConnectionRegistry = app.state.connections
        self._delay_seconds = settings.shutdown_delay_seconds
        self._terminated = False
        self._interrupt: Callable[[], object] = lambda: None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop. SIGTERM comes from an orchestrator, which may still route requests here; Ctrl-C from a person, who waits."""
        self._terminated = self._terminated or sig == signal.SIGTERM
        if self.should_exit:
            self._interrupt()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, end the open connections, and end the application."""
        self.connections.draining = True
        if self._terminated:
            await self._go_on_accepting()
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._say_farewell())
            group.create_task(self.connections.wait_until_empty(_DRAIN_SECONDS))
            for connection in self.connections:
                if not self.connections.is_streaming(connection):
                    connection.shutdown()
        await self._end_tasks()
        if not self.force_exit:
            await self.lifespan.shutdown()

    async def _go_on_accepting(self) -> None:
        """Wait for the delay, or for a second signal."""
        loop = asyncio.get_running_loop()
        self._interrupt = lambda: loop.call_soon_threadsafe(interrupted.set)
        interrupted = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._delay_seconds):
                await interrupted.wait()

    async def _say_farewell(self) -> None:
        """Ask sockets and event streams to leave. Those that do not are closed."""
        self._client_connections.close()
        if not await self.connections.wait_until_empty(_FAREWELL_SECONDS):
            for connection in self.connections:
                connection.shutdown()

    async def _end_tasks(self) -> None:
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_TASK_SECONDS)
        for task in self.server_state.tasks:
            log.warning("request_cancelled")
            task.cancel()


def serve(app: Starlette, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CannotListen: before anything else is started.
    """
    listener = listen(settings.host, settings.port)
    log.info("listening", host=settings.host, port=settings.port)
    # After a clean end uvicorn raises the signal once more; asked to stop and stopped is a success.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    server = Server(app, settings)
    _spare_collections()
    server.run(sockets=[listener])
    if not server.started:
        sys.exit("The API did not start; the log says why.")


def _spare_collections() -> None:
    """Have garbage looked for where it is, among what is young.

    Nothing is answered during a full collection, and it goes through everything that lives: the schema, which stays, and
    some hundred objects of each socket. With a thousand sockets that was half a second every 15 seconds. What leaves no
    cycles, which is nearly everything, is still freed at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
