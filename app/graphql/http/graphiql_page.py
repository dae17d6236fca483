"""GraphiQL, for development: a page with example tabs and a input for the key. It loads nothing from other servers."""

from collections.abc import Sequence
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.http.routing import Route
from app.http.vendored import VendoredFile, VendoredFiles, read

_PLACE = Path(__file__).parent / "graphiql"
_ADDRESS = "/graphql/page"
_OWN = {"page.js": "text/javascript", "page.css": "text/css", "examples.json": "application/json"}
# Just what the page needs. Its editor sets inline styles; what it sends goes to this server only.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

# In the order in which they are needed.
FILES = VendoredFiles(_PLACE / "vendored", (
    VendoredFile("react.js", "react", "18.3.1", "umd/react.production.min.js",
                 "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z"),
    VendoredFile("react-dom.js", "react-dom", "18.3.1", "umd/react-dom.production.min.js",
                 "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1"),
    VendoredFile("graphiql.js", "graphiql", "4.1.2", "graphiql.min.js",
                 "sha384-9XdHu7ajgGJziD4J1zNBKQ842Q/+zZfDv+ib1eMhZWBH6hPAs806x+Jbcf0yNO6B"),
    VendoredFile("graphiql.css", "graphiql", "4.1.2", "graphiql.min.css",
                 "sha384-1el1QShFBnnXTx9x/Cprg82hZWKt0ry29OAYIXt05swbi0KcZDFoj0CWguMpopJr"),
))  # fmt: skip


class GraphiQL:
    """The page and its files."""

    def __init__(self) -> None:
        text = read(_PLACE / "page.html").decode()
        self._page = text.replace("{styles}", FILES.tags(_ADDRESS, "text/css")).replace(
            "{scripts}", FILES.tags(_ADDRESS, "text/javascript")
        )

    def show(self) -> Response:
        """Render the page."""
        return Response(self._page, headers={"Content-Security-Policy": _POLICY}, media_type="text/html")

    def routes(self) -> Sequence[Route]:
        """Routes of the files."""
        return (Route(f"{_ADDRESS}/{{file}}", self._show_file, methods=["GET"]),)

    async def _show_file(self, request: Request) -> Response:
        name = request.path_params["file"]
        if name in _OWN:
            return Response(read(_PLACE / name), media_type=_OWN[name])
        response = FILES.respond(request, name)
        if response is None:
            raise HTTPException(404)
        return response
