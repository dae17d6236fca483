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

# Timeout for open requests, after SHUTDOWN_DELAY_SECONDS. Orchestrators usually wait 30 seconds.
_DRAIN_SECONDS = 20.0
# Timeouts for sockets to close after the close message, and for tasks whose connection is closed.
_SOCKET_CLOSE_SECONDS = 2.0
_TASK_SECONDS = 2.0
# TCP timeout for unacknowledged bytes. Without it the connection of a stalled client stays open without limit.
_UNACKNOWLEDGED_MILLISECONDS = 60_000


class CannotListen(Exception):
    """The server cannot listen on the address."""


def listen(host: str, port: int) -> socket.socket:
    """Bind a TCP socket for the server.

    Raises:
        CannotListen: the port is in use or needs privileges, or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # on Linux
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MILLISECONDS)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise CannotListen(f"Port {port} on {host}: {reason}. Choose another with --port or PORT.") from error
    return listener


class Server(uvicorn.Server):
    """uvicorn server with `HttpConnection` and a graceful shutdown in three steps.

    1. After SIGTERM the process accepts requests for SHUTDOWN_DELAY_SECONDS, because proxies still send them, and answers
       with `Connection: close`. Azure Container Apps gives no notice before SIGTERM
       (https://github.com/microsoft/azure-container-apps/issues/1166, issues/1420).
    2. It closes its listeners and asks sockets to connect elsewhere.
    3. It waits for open requests.
    """

    def __init__(self, app: Starlette, settings: Settings) -> None:
        self.connections = OpenConnections(ConnectionLimits.of(settings))
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=partial(HttpConnection, connections=self.connections),  # type: ignore[arg-type]  # uvicorn only calls it
            ws="none",  # `HttpConnection` handles upgrades
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # app.main decides which proxies to trust
        )
        super().__init__(config)
        self._client_connections: ConnectionRegistry = app.state.connections
        self._delay_seconds = settings.api.shutdown_delay_seconds
        self._terminated = False
        self._interrupt: Callable[[], object] = lambda: None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start the shutdown. Only SIGTERM causes the delay: an orchestrator may still route requests to this process."""
        self._terminated = self._terminated or sig == signal.SIGTERM
        super().handle_exit(sig, frame)
        self._interrupt()

    def stop(self) -> None:
        """Stop as after Ctrl-C. Called in the loop that serves."""
        self.should_exit = True
        self._interrupt()

    async def main_loop(self) -> None:
        """Wait until the server is asked to stop. uvicorn looks ten times a second instead."""
        interrupted = self._interruption()
        if not self.should_exit:
            await interrupted.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, drain the open connections and shut the application down."""
        self.connections.draining = True
        if self._terminated:
            await self._accept_during_delay()
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._close_sockets())
            group.create_task(self.connections.wait_until_empty(_DRAIN_SECONDS))
            for connection in self.connections:
                if not self.connections.is_streaming(connection):
                    connection.shutdown()
        await self._end_tasks()
        if not self.force_exit:
            await self.lifespan.shutdown()

    async def _accept_during_delay(self) -> None:
        """Wait until the shutdown delay has passed or a second signal arrives."""
        interrupted = self._interruption()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._delay_seconds):
                await interrupted.wait()

    def _interruption(self) -> asyncio.Event:
        """An event that the next signal sets."""
        loop = asyncio.get_running_loop()
        interrupted = asyncio.Event()
        self._interrupt = lambda: loop.call_soon_threadsafe(interrupted.set)
        return interrupted

    async def _close_sockets(self) -> None:
        """Ask sockets and event streams to close, and close the rest after a timeout."""
        self._client_connections.close()
        if not await self.connections.wait_until_empty(_SOCKET_CLOSE_SECONDS):
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
        CannotListen: the address is not available. Nothing has been started.
    """
    listener = listen(settings.api.host, settings.api.port)
    log.info("listening", host=settings.api.host, port=settings.api.port)
    # uvicorn raises the signal again after a clean shutdown, which is a success.
    signal.signal(signal.SIGTERM, _exit_successfully)
    signal.signal(signal.SIGINT, _exit_successfully)
    server = Server(app, settings)
    _tune_garbage_collection()
    server.run(sockets=[listener])
    if not server.started:
        sys.exit("The API did not start. The log states the reason.")


def _tune_garbage_collection() -> None:
    """Freeze permanent objects and make full garbage collections rare.

    A full collection stops the event loop and visits all living objects: the schema and some hundred objects per socket.
    With a thousand sockets it took half a second every 15 seconds. Objects without reference cycles, nearly all of them,
    are freed by reference counting.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _exit_successfully(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
