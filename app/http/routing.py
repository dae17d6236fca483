"""Routes that match the path as it was sent: only the parameters in it are decoded.

A proxy in front applies its rules to the path as sent. A path that matches only after it is decoded would pass those rules.
"""

from urllib.parse import unquote

from starlette import routing
from starlette.routing import Match
from starlette.types import Scope


class Route(routing.Route):
    """A route for requests."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Compare a request with the route."""
        if scope["type"] != "http":
            return Match.NONE, {}
        return _decoded(super().matches(_as_sent(scope)))


class WebSocketRoute(routing.WebSocketRoute):
    """A route for sockets."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Compare a handshake with the route."""
        if scope["type"] != "websocket":
            return Match.NONE, {}
        return _decoded(super().matches(_as_sent(scope)))


def _as_sent(scope: Scope) -> Scope:
    # Without a percent sign both are the same.
    return scope if b"%" not in scope["raw_path"] else {**scope, "path": scope["raw_path"].decode("latin-1")}


def _decoded(found: tuple[Match, Scope]) -> tuple[Match, Scope]:
    match, child = found
    if match is not Match.NONE and child["path_params"]:
        child["path_params"] = {
            name: unquote(value) if isinstance(value, str) else value for name, value in child["path_params"].items()
        }
    return match, child
