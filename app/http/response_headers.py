"""Response headers: security defaults for all responses, and headers added to the response of one request."""

from collections.abc import Iterable, Mapping, MutableMapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ADDED = "diamond_inventory.headers"

# Responses are data: browsers must not execute them, frame them, sniff their type or send a referrer. Shared caches
# store a response only if it sets Cache-Control itself.
_SECURITY: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

RawHeader = tuple[bytes, bytes]
_RAW_SECURITY = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in _SECURITY.items()]
_POLICY = (b"content-security-policy", _CONTENT_SECURITY_POLICY.encode("ascii"))

# An integer is compared faster than a member of `HTTPStatus`.
_NOT_MODIFIED = HTTPStatus.NOT_MODIFIED.value


@lru_cache(100)
def _raw_name(name: str) -> bytes:
    """The name of a header as it is sent. There are few names."""
    return name.lower().encode("latin-1")


def add_headers(scope: MutableMapping[str, Any], headers: Mapping[str, str]) -> None:
    """Add headers to the response of a request, also if that response is an error."""
    scope.setdefault(_ADDED, {}).update(headers)


class ResponseHeaders:
    """ASGI middleware that sets response headers. It keeps headers that the response already has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # The routed copy of the scope shares this mapping.
        added = scope.setdefault(_ADDED, {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _completed(message["status"], message["headers"], added)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _completed(status: int, present: Iterable[RawHeader], added: Mapping[str, str]) -> list[RawHeader]:
    """Add headers to those of a response, which take precedence."""
    headers = list(present)
    names = {name.lower(): value for name, value in headers}
    if added:
        raw = [(_raw_name(name), value.encode("latin-1")) for name, value in added.items()]
        headers += [pair for pair in raw if pair[0] not in names]
        names = {**dict(raw), **names}
    # A cache replaces the headers of its stored response with those of a 304, so a 304 gets no defaults.
    if status == _NOT_MODIFIED:
        return headers
    headers += [pair for pair in _RAW_SECURITY if pair[0] not in names]
    # An HTML page sets its own policy.
    if _POLICY[0] not in names and not names.get(b"content-type", b"").startswith(b"text/html"):
        headers.append(_POLICY)
    return headers
