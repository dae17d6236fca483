"""`/openapi.json`, and `/api-docs`: a page that shows it and lets one try each operation. It loads nothing from elsewhere."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from app.rest.openapi import encoded
from app.rest.operation import RestOperation
from app.services import State
from inventory.core.errors import NotFound

_FILES = {"page.js": "text/javascript", "page.css": "text/css"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class Documentation:
    """What documents the operations."""

    def __init__(self, operations: Sequence[RestOperation]) -> None:
        self._document = cache(lambda: encoded(operations))

    async def show_document(self, _request: Request[State]) -> Response:
        """`GET /openapi.json`."""
        return Response(self._document(), media_type="application/json")

    async def show_page(self, _request: Request[State]) -> Response:
        """`GET /api-docs`."""
        return Response(_read("page.html"), headers={"Content-Security-Policy": _POLICY}, media_type="text/html")

    async def show_file(self, request: Request[State]) -> Response:
        """`GET /api-docs/{file}`: what the page consists of.

        Raises:
            NotFound: it does not consist of this.
        """
        name = request.path_params["file"]
        if name not in _FILES:
            raise NotFound("There is nothing at this address.")
        return Response(_read(name), media_type=_FILES[name])


@cache
def _read(name: str) -> bytes:
    return files("app.rest").joinpath("page", name).read_bytes()
