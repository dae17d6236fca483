"""ASGI scope of an HTTP request."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from app.http.request_head import RequestHead

Address = tuple[str, int]


def scope_of(
    request: RequestHead, state: Mapping[str, Any], *, server: Address | None, client: Address | None
) -> dict[str, Any]:
    """Build the ASGI scope of a request. Each scope holds a copy of `state`, the application state."""
    path = request.path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.version,
        "server": server,
        "client": client,
        "scheme": "http",
        "method": request.method,
        "root_path": "",
        "path": unquote(path) if "%" in path else path,
        "raw_path": request.path,
        "query_string": request.query,
        "headers": request.fields,
        "state": dict(state),
    }


def address_of(found: Any) -> Address | None:
    """Return host and port of a socket address, or None for an address without them (a Unix socket)."""
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) and len(found) >= 2 else None  # noqa: PLR2004
