"""Registry of long-lived connections: limits per key, revocation checks, and closing."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import NoReturn, Protocol

import msgspec
from starlette.datastructures import Headers

from app.auth.authentication import Authentication
from app.auth.scopes import Principal
from inventory.core.errors import InventoryError, Unauthenticated, Unavailable
from inventory.core.logging import get_logger
from inventory.core.settings import Settings

log = get_logger()

# The authenticator caches keys for 5 seconds, so a revoked key is noticed within 8.
_CHECK_SECONDS = 2.5


class TooManySubscriptions(InventoryError):
    """This key has too many open subscriptions or connections."""

    code = "TOO_MANY_SUBSCRIPTIONS"


class TooManySockets(Unavailable):
    """Too many sockets and event streams are open. Try again later."""


class CloseReason(msgspec.Struct, frozen=True):
    """Reason for closing a connection. `code`: the close code of a WebSocket."""

    code: int
    text: str


INVALID_KEY = CloseReason(4401, "The API key is no longer valid")
SCOPES_CHANGED = CloseReason(4403, "The scopes of the API key have changed; connect again")
IDLE = CloseReason(1000, "Closed after a period without operations")
LIFETIME_EXCEEDED = CloseReason(1001, "The maximum lifetime of a connection is reached; connect again and resume")
RESTART = CloseReason(1012, "The server restarts; connect again and resume")


class ClientConnection(Protocol):
    """An authenticated WebSocket or event stream."""

    principal: Principal
    # Headers that authenticated it.
    headers: Headers
    since: float

    def idle_since(self) -> float | None:
        """Monotonic time of the last activity; None while an operation runs."""

    def close(self, reason: CloseReason) -> None:
        """Request the end of the connection, without waiting for it."""


class ConnectionRegistry:
    """Open connections of one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connections: set[ClientConnection] = set()
        self._sockets: Counter[str] = Counter()
        self._subscriptions: Counter[str] = Counter()
        self._closing = False

    @contextmanager
    def registered(self, connection: ClientConnection) -> Iterator[None]:
        """Register a connection for the length of a `with`.

        Raises:
            TooManySubscriptions: its key has reached the limit.
            TooManySockets: the process has reached its limit.
        """
        if len(self._connections) >= self._settings.socket_limit:
            raise TooManySockets
        most = self._settings.socket_limit_per_key
        with _counted(self._sockets, connection.principal.key_id, most, "sockets and event streams"):
            self._connections.add(connection)
            if self._closing:
                connection.close(RESTART)
            try:
                yield
            finally:
                self._connections.discard(connection)

    @contextmanager
    def subscribed(self, principal: Principal) -> Iterator[None]:
        """Count a subscription for the length of a `with`.

        Raises:
            TooManySubscriptions: its key has reached the limit.
        """
        with _counted(
            self._subscriptions, principal.key_id, self._settings.events.subscriptions_per_key, "subscriptions"
        ):
            yield

    def __len__(self) -> int:
        return len(self._connections)

    def close(self) -> None:
        """Close all connections, and every new one."""
        self._closing = True
        for connection in list(self._connections):
            connection.close(RESTART)

    async def watch(self, authentication: Authentication) -> NoReturn:
        """Close expired connections and connections of revoked keys until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            self._close_expired(monotonic())
            try:
                await self._check(authentication)
            except Exception as error:  # noqa: BLE001 - the next round tries again
                log.warning("connection_reauthentication_failed", error=type(error).__name__)

    async def _check(self, authentication: Authentication) -> None:
        """Authenticate each key again, once for all of its connections."""
        by_key: defaultdict[Principal, list[ClientConnection]] = defaultdict(list)
        for connection in self._connections:
            by_key[connection.principal].append(connection)
        for principal, connections in by_key.items():
            try:
                present = await authentication.renew(principal, connections[0].headers)
            except Unauthenticated:
                reason = INVALID_KEY
            else:
                if present.scopes == principal.scopes:
                    continue
                reason = SCOPES_CHANGED
            log.info("connections_closed", key_id=principal.key_id, connections=len(connections), reason=reason.text)
            for connection in connections:
                connection.close(reason)

    def _close_expired(self, now: float) -> None:
        for connection in list(self._connections):
            idle_since = connection.idle_since()
            if now - connection.since > self._settings.events.sockets_lifetime_seconds:
                connection.close(LIFETIME_EXCEEDED)
            elif idle_since is not None and now - idle_since > self._settings.events.sockets_idle_seconds:
                connection.close(IDLE)


@contextmanager
def _counted(counter: Counter[str], key_id: str, most: int, what: str) -> Iterator[None]:
    if counter[key_id] >= most:
        raise TooManySubscriptions(f"This key has {most} {what} open, which is the limit.")
    counter[key_id] += 1
    try:
        yield
    finally:
        counter[key_id] -= 1
        if not counter[key_id]:
            del counter[key_id]
