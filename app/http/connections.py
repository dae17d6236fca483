"""Connection limits of one process: HTTP connections, unauthenticated sockets and authenticated sockets.

Each kind has a separate limit, so that no kind can exhaust the capacity of another. Beyond a limit the registry evicts
the connection that has waited longest for its client.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http import HTTPStatus
from time import time
from typing import Any, Protocol

import msgspec
from starlette.types import Scope

from app.http.errors import ProtocolError
from inventory.core.settings import Settings

# Health checks, exempt from the limits: orchestrators restart or bypass a process that does not answer them.
EXEMPT_PATHS = frozenset({b"/health", b"/ready"})
# Bytes that are read from a socket at once. This bounds the unparsed input of a connection. Bodies are read in larger pieces.
READ_SIZE = 16_384
BODY_READ_SIZE = 65_536
# Limit on the bodies of unanswered requests, in all connections together.
MAX_CONTENT_BYTES = 64 * 1_048_576

_EXTENSION = "diamond_inventory.connection"


class ClosableConnection(Protocol):
    """Interface of a registered connection."""

    client: tuple[str, int] | None

    def evict(self) -> None:
        """Close the connection at once to free capacity."""

    def authenticate(self) -> None:
        """Mark the client of a socket as authenticated."""

    def shutdown(self) -> None:
        """Close the connection after the current response: the server stops."""


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits on the connections of one process.

    `requests`, `sockets`, `unauthenticated`: maximum connections of each kind. Timeouts: `idle_seconds` between two
    requests, `body_seconds` for a request body, `send_seconds` for a client to read what a socket sends.
    `largest_message`: maximum message of a socket, in bytes.
    """

    requests: int
    sockets: int
    unauthenticated: int
    idle_seconds: float
    body_seconds: float
    send_seconds: float
    largest_message: int

    @classmethod
    def of(cls, settings: Settings) -> "ConnectionLimits":
        """Read the limits from the settings."""
        return cls(
            requests=settings.api.max_connections,
            sockets=settings.socket_limit,
            unauthenticated=settings.events.sockets_unauthenticated,
            idle_seconds=settings.api.keep_alive_seconds,
            body_seconds=settings.api.request_seconds,
            send_seconds=settings.events.sockets_send_seconds,
            largest_message=settings.api.max_body_bytes,
        )


class OpenConnections:
    """Registry of the open connections of one process."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._requests: set[ClosableConnection] = set()
        # Connections that wait for their client, longest wait first.
        self._waiting: OrderedDict[ClosableConnection, None] = OrderedDict()
        self._unauthenticated: OrderedDict[ClosableConnection, None] = OrderedDict()
        self._sockets: set[ClosableConnection] = set()
        # Body bytes of unanswered requests: of incomplete requests, oldest first, and of complete requests.
        self._content: OrderedDict[ClosableConnection, int] = OrderedDict()
        self._complete_content: dict[ClosableConnection, int] = {}
        self._content_bytes = 0
        self._date = (0, b"")
        # Shared by all connections: each copies its bytes before the next connection reads.
        self.body_buffer = memoryview(bytearray(BODY_READ_SIZE))
        self.buffer = self.body_buffer[:READ_SIZE]
        self._closed = asyncio.Event()
        # The server shuts down: each response is the last response of its connection.
        self.draining = False

    def __iter__(self) -> Iterator[ClosableConnection]:
        return iter([*self._requests, *self._unauthenticated, *self._sockets])

    def __len__(self) -> int:
        return len(self._requests) + len(self._unauthenticated) + len(self._sockets)

    @property
    def date_line(self) -> bytes:
        """The Date header line of the current second."""
        now = int(time())
        if self._date[0] != now:
            self._date = (now, f"date: {formatdate(now, usegmt=True)}\r\n".encode("ascii"))
        return self._date[1]

    async def wait_until_empty(self, seconds: float) -> bool:
        """Wait until no connection is open, for at most `seconds`. Return whether none is open."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self):
                    self._closed.clear()
                    await self._closed.wait()
        return not len(self)

    # HTTP connections

    def open_request(self, connection: ClosableConnection) -> None:
        """Register a new HTTP connection, which waits for its client."""
        self._requests.add(connection)
        self._evict_oldest()
        self._waiting[connection] = None

    def wait(self, connection: ClosableConnection) -> None:
        """Mark a connection as waiting for its client."""
        if connection in self._requests:
            self._waiting[connection] = None
            self._waiting.move_to_end(connection)

    def work(self, connection: ClosableConnection) -> None:
        """Mark a connection as working: it no longer waits for its client."""
        self._waiting.pop(connection, None)

    @property
    def crowded(self) -> bool:
        """Whether the number of HTTP connections exceeds the limit."""
        return len(self._requests) > self.limits.requests

    def close(self, connection: ClosableConnection) -> None:
        """Unregister a closed connection."""
        self._requests.discard(connection)
        self._waiting.pop(connection, None)
        self._unauthenticated.pop(connection, None)
        self._sockets.discard(connection)
        self.hold_content(connection, 0)
        self._closed.set()

    def _evict_oldest(self) -> None:
        if self.crowded and self._waiting:
            oldest, _ = self._waiting.popitem(last=False)
            self.close(oldest)
            oldest.evict()

    # Sockets and event streams

    def open_socket(self, connection: ClosableConnection) -> None:
        """Register a new WebSocket connection as unauthenticated.

        Raises:
            ProtocolError: too many sockets are open.
        """
        if len(self._sockets) + len(self._unauthenticated) >= self.limits.sockets + self.limits.unauthenticated:
            raise ProtocolError(HTTPStatus.SERVICE_UNAVAILABLE, "Too many sockets are open. Try again later.")
        self._unauthenticated[connection] = None
        if len(self._unauthenticated) > self.limits.unauthenticated:
            oldest = self._oldest_of_largest_client()
            del self._unauthenticated[oldest]
            oldest.evict()

    def authenticate(self, connection: ClosableConnection) -> None:
        """Move a socket to the authenticated sockets."""
        if connection in self._unauthenticated:
            del self._unauthenticated[connection]
            self._sockets.add(connection)
            connection.authenticate()

    def is_streaming(self, connection: ClosableConnection) -> bool:
        """Whether a connection is an authenticated socket or sends an event stream."""
        return connection in self._sockets

    @contextmanager
    def streaming(self, connection: ClosableConnection) -> Iterator[None]:
        """Count an HTTP connection as a socket while it sends an event stream."""
        if connection not in self._requests:
            yield
            return
        self._requests.discard(connection)
        self._waiting.pop(connection, None)
        self._sockets.add(connection)
        try:
            yield
        finally:
            if connection in self._sockets:
                self._sockets.discard(connection)
                self._requests.add(connection)

    def _oldest_of_largest_client(self) -> ClosableConnection:
        """Return the oldest unauthenticated socket of the address that has most unauthenticated sockets."""
        count = Counter(_host(connection) for connection in self._unauthenticated)
        most = max(count.values())
        return next(connection for connection in self._unauthenticated if count[_host(connection)] == most)

    # Memory

    def hold_content(self, connection: ClosableConnection, size: int, *, complete: bool = False) -> None:
        """Set the size of the unanswered content of a connection, in bytes.

        If all connections together exceed the limit, evict the connections with the oldest incomplete bodies.
        """
        self._content_bytes += size - self._content.get(connection, 0) - self._complete_content.pop(connection, 0)
        if size and not complete:
            self._content[connection] = size  # keeps its place in the order
        else:
            self._content.pop(connection, None)
        if size and complete:
            self._complete_content[connection] = size
        while self._content_bytes > MAX_CONTENT_BYTES and self._content:
            oldest, held = self._content.popitem(last=False)
            self._content_bytes -= held
            oldest.evict()


def _host(connection: ClosableConnection) -> str:
    return connection.client[0] if connection.client else ""


def scope_extension(connections: OpenConnections, connection: ClosableConnection) -> dict[str, Any]:
    """Build the ASGI extension by which the application reports authentication and event streams."""
    return {_EXTENSION: (connections, connection)}


def authenticate(scope: Scope) -> None:
    """Report that the application has authenticated the client of a socket."""
    if found := scope.get("extensions", {}).get(_EXTENSION):
        connections, connection = found
        connections.authenticate(connection)


@contextmanager
def streaming(scope: Scope) -> Iterator[None]:
    """Report an event stream for as long as the application sends it."""
    found = scope.get("extensions", {}).get(_EXTENSION)
    if not found:
        yield
        return
    connections, connection = found
    with connections.streaming(connection):
        yield
