"""The peer of an API: a route of Starlette's that reads a request and answers it with the bytes of a file.

python -m benchmarks.route PORT FILE
"""

import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.stack.ports import LOOPBACK


def application(content: bytes) -> Starlette:
    """The application around its one answer."""

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(content, media_type="application/json")

    return Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])


def main() -> None:
    """Serve until SIGTERM, with what the API is served with."""
    port, file = sys.argv[1:]
    app = application(Path(file).read_bytes())
    uvicorn.run(
        app, host=LOOPBACK, port=int(port), loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
