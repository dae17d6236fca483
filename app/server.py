"""Serves the application with uvicorn until SIGTERM, then lets the open requests finish."""

import asyncio
import gc
import signal
import socket
import sys
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from app.core.logging import get_logger
from app.core.settings import Settings
from app.graphql.serving.presence import Presence
from app.protocol import Protocol
from app.websocket import SocketProtocol

log = get_logger()

# Requests that are open at SIGTERM get this long; orchestrators usually wait 30 seconds.
_DRAIN_SECONDS = 25
# For the farewell to reach the sockets before uvicorn cuts them off.
_FAREWELL_SECONDS = 0.5
_PING_SECONDS = 20.0
_PONG_SECONDS = 20.0
# What is sent and not taken for so long is not waited for any longer, or the connection of a client that stands still would
# stay for ever.
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
    """uvicorn, but those who are connected for long are asked to leave first: it would wait for them."""

    def __init__(self, app: Starlette, settings: Settings) -> None:
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=Protocol,
            ws=SocketProtocol,
            ws_max_size=settings.max_body_bytes,
            ws_ping_interval=_PING_SECONDS,
            ws_ping_timeout=_PONG_SECONDS,
            # Most messages are small, and each subscriber would cost its own compression.
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # app.main decides whom to believe
            timeout_keep_alive=settings.keep_alive_seconds,
            limit_concurrency=settings.max_connections,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        super().__init__(config)
        self._presence: Presence = app.state.presence

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ask everyone to leave, stop listening, and wait."""
        self._presence.close()
        await asyncio.sleep(_FAREWELL_SECONDS)
        await super().shutdown(sockets)


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
    cycles, which is nearly everything, is freed at once all the same.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
