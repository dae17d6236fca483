"""Routes that match the raw request path. Only path parameters are percent-decoded.

A proxy applies its rules to the raw path. A path that matches only after decoding would bypass those rules.
"""

from urllib.parse import unquote

from starlette import routing
from starlette.routing import Match
from starlette.types import Scope


class Route(routing.Route):
    """HTTP route."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a request."""
        if scope["type"] != "http":
            return Match.NONE, {}
        return _decode_parameters(super().matches(_raw_path_scope(scope)))


class WebSocketRoute(routing.WebSocketRoute):
    """WebSocket route."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a handshake."""
        if scope["type"] != "websocket":
            return Match.NONE, {}
        return _decode_parameters(super().matches(_raw_path_scope(scope)))


def _raw_path_scope(scope: Scope) -> Scope:
    return scope if b"%" not in scope["raw_path"] else {**scope, "path": scope["raw_path"].decode("latin-1")}


def _decode_parameters(found: tuple[Match, Scope]) -> tuple[Match, Scope]:
    match, child = found
    if match is not Match.NONE and child["path_params"]:
        child["path_params"] = {
            name: unquote(value) if isinstance(value, str) else value for name, value in child["path_params"].items()
        }
    return match, child
