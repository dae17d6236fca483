"""Same-origin check of requests that a browser authenticates by itself."""

from typing import Any

from starlette.requests import HTTPConnection


def same_origin(connection: HTTPConnection[Any]) -> bool:
    """Whether a page of this server sent the request.

    Browsers state it in `Sec-Fetch-Site`, which no script can set, over TLS and on localhost. Elsewhere the header
    `Origin` must name the host that the request went to.
    """
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, host = connection.headers.get("origin"), connection.headers.get("host", "")
    return origin is not None and origin.lower().partition("://")[2] == host.lower()
