"""Response headers: security defaults for all responses, and headers added to the response of one request."""

from collections.abc import Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

from starlette.datastructures import MutableHeaders
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
                headers = MutableHeaders(scope=message)
                # A cache replaces the headers of its stored response with those of a 304, so a 304 gets no defaults.
                defaults = {} if message["status"] == HTTPStatus.NOT_MODIFIED else _SECURITY
                for name, value in {**defaults, **added}.items():
                    headers.setdefault(name, value)
                # An HTML page sets its own policy.
                if defaults and not headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault("Content-Security-Policy", _CONTENT_SECURITY_POLICY)
            await send(message)

        await self._app(scope, receive, send_with_headers)
