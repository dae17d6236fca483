"""Routes that match the raw request path. Only path parameters are percent-decoded.

A proxy applies its rules to the raw path. A path that matches only after decoding would bypass those rules.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from starlette import routing
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send


class RequestEndpoint:
    """Endpoint that turns each of its errors into a response. Starlette's handling of exceptions around it is omitted."""

    def __init__(self, answer: Callable[[Request[Any]], Awaitable[ASGIApp]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive, send))
        await response(scope, receive, send)


class Route(routing.Route):
    """HTTP route."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a request."""
        if scope["type"] != "http":
            return Match.NONE, {}
        # Most routes do not match: they are skipped without further work.
        if not scope.get("root_path") and self.path_regex.match(_raw_path(scope)) is None:
            return Match.NONE, {}
        return _decode_parameters(super().matches(_raw_path_scope(scope)))


class WebSocketRoute(routing.WebSocketRoute):
    """WebSocket route."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a handshake."""
        if scope["type"] != "websocket":
            return Match.NONE, {}
        return _decode_parameters(super().matches(_raw_path_scope(scope)))


def _raw_path(scope: Scope) -> str:
    path: str = scope["raw_path"].decode("latin-1") if b"%" in scope["raw_path"] else scope["path"]
    return path


def _raw_path_scope(scope: Scope) -> Scope:
    return scope if b"%" not in scope["raw_path"] else {**scope, "path": _raw_path(scope)}


def _decode_parameters(found: tuple[Match, Scope]) -> tuple[Match, Scope]:
    match, child = found
    if match is not Match.NONE and child["path_params"]:
        child["path_params"] = {
            name: unquote(value) if isinstance(value, str) else value for name, value in child["path_params"].items()
        }
    return match, child
