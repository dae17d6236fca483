"""Starlette route that reads a request and returns the bytes of a file: the limit of an API.

python -m benchmarks.route PORT FILE [httptools | h11 | own]
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.http.connections import ConnectionLimits, OpenConnections
from app.http.protocol import HttpConnection
from inventory.core.settings import Settings
from sandbox.stack.ports import LOOPBACK


def application(content: bytes) -> Starlette:
    """Create the application with its constant response."""

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(content, media_type="application/json")

    return Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])


def protocol(name: str) -> Any:
    """Find an HTTP protocol: this project's (`own`), or uvicorn's by name."""
    return (
        partial(HttpConnection, connections=OpenConnections(ConnectionLimits.of(Settings.read())))
        if name == "own"
        else name
    )


def main() -> None:
    """Serve until SIGTERM with the server settings of the API."""
    port, file, *names = sys.argv[1:]
    app = application(Path(file).read_bytes())
    (name,) = names or ["httptools"]
    uvicorn.run(
        app, host=LOOPBACK, port=int(port), loop="uvloop", http=protocol(name), access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
