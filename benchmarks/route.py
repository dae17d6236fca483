"""The peer of an API: a route of Starlette's that reads a request and answers it with the bytes of a file.

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
    """The application around its one answer."""

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(content, media_type="application/json")

    return Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])


def protocol(name: str) -> Any:
    """One of uvicorn's protocols by its name, or the project's."""
    return (
        partial(HttpConnection, connections=OpenConnections(ConnectionLimits.of(Settings.read())))
        if name == "own"
        else name
    )


def main() -> None:
    """Serve until SIGTERM, with what the API is served with."""
    port, file, *names = sys.argv[1:]
    app = application(Path(file).read_bytes())
    (name,) = names or ["httptools"]
    uvicorn.run(
        app, host=LOOPBACK, port=int(port), loop="uvloop", http=protocol(name), access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
