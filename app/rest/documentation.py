"""`/openapi.json` and `/api-docs`, Swagger UI. The page loads no resource of another host."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from app.http.vendored import VendoredFile, VendoredFiles, read
from app.rest.openapi import encoded
from app.rest.operation import RestOperation
from app.services import State
from inventory.core.errors import NotFound

_PLACE = Path(__file__).parent / "page"
_ADDRESS = "/api-docs"
_OWN = {"page.js": "text/javascript", "page.css": "text/css"}
# Swagger UI sets inline styles. What it sends goes to this server only.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

FILES = VendoredFiles(_PLACE / "vendored", (
    VendoredFile("swagger-ui.js", "swagger-ui-dist", "5.35.0", "swagger-ui-bundle.js",
                 "sha384-gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9"),
    VendoredFile("swagger-ui.css", "swagger-ui-dist", "5.35.0", "swagger-ui.css",
                 "sha384-WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I"),
))  # fmt: skip


class Documentation:
    """The documentation of the operations."""

    def __init__(self, operations: Sequence[RestOperation]) -> None:
        self._document = cache(lambda: encoded(operations))

    async def show_document(self, _request: Request[State]) -> Response:
        """`GET /openapi.json`."""
        return Response(self._document(), media_type="application/json")

    async def show_page(self, _request: Request[State]) -> Response:
        """`GET /api-docs`."""
        return Response(_page(), headers={"Content-Security-Policy": _POLICY}, media_type="text/html")

    async def show_file(self, request: Request[State]) -> Response:
        """`GET /api-docs/{file}`: a file of the page.

        Raises:
            NotFound: the page has no such file.
        """
        name = request.path_params["file"]
        if name in _OWN:
            return Response(read(_PLACE / name), media_type=_OWN[name])
        response = FILES.respond(request, name)
        if response is None:
            raise NotFound("There is nothing at this address.")
        return response


@cache
def _page() -> str:
    text = read(_PLACE / "page.html").decode()
    return text.replace("{styles}", FILES.tags(_ADDRESS, "text/css")).replace(
        "{scripts}", FILES.tags(_ADDRESS, "text/javascript")
    )
