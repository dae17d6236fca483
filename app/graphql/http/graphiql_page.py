"""GraphiQL for development: a page with example tabs and an input for the key.

What it loads comes from npm by a lock file (`make graphiql` puts it beside the page); where that was not done, the same
files come from a CDN. The browser checks their hashes either way.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.http.routing import Route

_PLACE = Path(__file__).parent / "graphiql"
_ADDRESS = "/graphql/page"
_CDN = "https://unpkg.com"
_OWN = {"page.js": "text/javascript", "page.css": "text/css", "examples.json": "application/json"}


class Asset(msgspec.Struct, frozen=True):
    """A file of a package: package with version, path, and hash of the content."""

    name: str
    package: str
    version: str
    path: str
    integrity: str

    @property
    def media_type(self) -> str:
        return "text/css" if self.path.endswith(".css") else "text/javascript"

    @property
    def cdn_url(self) -> str:
        return f"{_CDN}/{self.package}@{self.version}/{self.path}"


# In loading order.
ASSETS: Sequence[Asset] = (
    Asset("react.js", "react", "18.3.1", "umd/react.production.min.js",
          "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z"),
    Asset("react-dom.js", "react-dom", "18.3.1", "umd/react-dom.production.min.js",
          "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1"),
    Asset("graphiql.js", "graphiql", "4.1.2", "graphiql.min.js",
          "sha384-9XdHu7ajgGJziD4J1zNBKQ842Q/+zZfDv+ib1eMhZWBH6hPAs806x+Jbcf0yNO6B"),
    Asset("graphiql.css", "graphiql", "4.1.2", "graphiql.min.css",
          "sha384-1el1QShFBnnXTx9x/Cprg82hZWKt0ry29OAYIXt05swbi0KcZDFoj0CWguMpopJr"),
)  # fmt: skip


class GraphiQL:
    """The page and its files. `modules`: the directory of npm packages."""

    def __init__(self, modules: Path = _PLACE / "node_modules") -> None:
        self._modules = modules
        self._installed = all(self._file(asset).is_file() for asset in ASSETS)
        self._page = self._written()

    def show(self) -> Response:
        """Render the page."""
        return Response(self._page, headers={"Content-Security-Policy": self._policy()}, media_type="text/html")

    def routes(self) -> Sequence[Route]:
        """Routes of the files."""
        return (Route(f"{_ADDRESS}/{{file}}", self._show_file, methods=["GET"]),)

    async def _show_file(self, request: Request) -> Response:
        name = request.path_params["file"]
        if name in _OWN:
            return Response(_read(_PLACE / name), media_type=_OWN[name])
        for asset in ASSETS if self._installed else ():
            if asset.name == name:
                return Response(_read(self._file(asset)), media_type=asset.media_type)
        raise HTTPException(404)

    def _file(self, asset: Asset) -> Path:
        return self._modules / asset.package / asset.path

    def _url(self, asset: Asset) -> str:
        return f"{_ADDRESS}/{asset.name}" if self._installed else asset.cdn_url

    def _written(self) -> str:
        text = _read(_PLACE / "page.html").decode()
        return text.replace("{styles}", "\n".join(self._tags("text/css"))).replace(
            "{scripts}", "\n".join(self._tags("text/javascript"))
        )

    def _tags(self, media_type: str) -> Iterator[str]:
        for asset in ASSETS:
            checked = f'integrity="{asset.integrity}" crossorigin="anonymous"'
            if asset.media_type != media_type:
                continue
            if media_type == "text/css":
                yield f'<link rel="stylesheet" href="{self._url(asset)}" {checked}>'
            else:
                yield f'<script defer src="{self._url(asset)}" {checked}></script>'

    def _policy(self) -> str:
        """Content security policy of the page. Its editor sets inline styles; it sends requests to this server only."""
        elsewhere = {
            kind: "" if self._installed else "".join(f" {one.cdn_url}" for one in ASSETS if one.media_type == kind)
            for kind in ("text/css", "text/javascript")
        }
        return (
            f"default-src 'none'; script-src 'self'{elsewhere['text/javascript']}; "
            f"style-src 'self' 'unsafe-inline'{elsewhere['text/css']}; font-src data:; img-src 'self' data:; "
            "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )


@cache
def _read(path: Path) -> bytes:
    return path.read_bytes()
