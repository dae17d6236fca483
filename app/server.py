"""Serves the application with uvicorn until SIGTERM, then lets the open requests finish."""

import signal
import socket
import sys
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from app.core.logging import get_logger
from app.core.settings import Settings
from app.protocol import Protocol

log = get_logger()

# Requests that are open at SIGTERM get this long; orchestrators usually wait 30 seconds.
_DRAIN_SECONDS = 25


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
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise CannotListen(f"Port {port} on {host}: {reason}. Choose another with --port or PORT.") from error
    return listener


def serve(app: ASGIApp, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CannotListen: before anything else is started.
    """
    listener = listen(settings.host, settings.port)
    log.info("listening", host=settings.host, port=settings.port)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=Protocol,
        ws="none",
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
    # After a clean end uvicorn raises the signal once more; asked to stop and stopped is a success.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    if not server.started:
        sys.exit("The API did not start; the log says why.")


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
