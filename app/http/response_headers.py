"""Headers that every answer bears, and those that are noted for one answer on the way to it."""

from collections.abc import Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOTED = "diamond_inventory.headers"

# The API's answers are data: nothing is to run in them, frame them, guess their type or say where one came from. No cache
# between us and the caller keeps one, unless it says so itself.
_SECURITY: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def note(scope: MutableMapping[str, Any], headers: Mapping[str, str]) -> None:
    """Have the answer to a request bear these headers, whatever the answer is."""
    scope.setdefault(_NOTED, {}).update(headers)


class ResponseHeaders:
    """ASGI middleware. A header that the response already has is kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # One mapping for the routed copy of the scope too.
        noted = scope.setdefault(_NOTED, {})

        async def dressed_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # A cache replaces the headers of its stored answer with those of a 304, so a 304 gets no default.
                defaults = {} if message["status"] == HTTPStatus.NOT_MODIFIED else _SECURITY
                for name, value in {**defaults, **noted}.items():
                    headers.setdefault(name, value)
                if defaults and not headers.get("content-type", "").startswith(
                    "text/html"
                ):  # a page has its own policy
                    headers.setdefault("Content-Security-Policy", _NOTHING)
            await send(message)

        await self._app(scope, receive, dressed_send)
