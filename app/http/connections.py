"""Connections of one process, by kind, and the limits of each kind.

Requests, sockets without credentials, and sockets with credentials are counted separately, so that no kind can use up what
another needs. Beyond a limit the connection that has waited longest for its client is closed.
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

# Orchestrators must always get an answer to these: they restart or bypass processes that do not answer.
EXEMPT_PATHS = frozenset({b"/health", b"/ready"})
# Read from a socket at once, and so the most that waits in a connection for its turn. Bodies are read in larger pieces.
READ_SIZE = 16_384
BODY_READ_SIZE = 65_536
# Requests with a body that are not answered yet, in all connections.
MOST_CONTENT_BYTES = 64 * 1_048_576

_EXTENSION = "diamond_inventory.connection"


class ClosableConnection(Protocol):
    """A connection that can be closed to make room."""

    client: tuple[str, int] | None

    def evict(self) -> None:
        """Close the connection at once, to make room."""

    def authenticate(self) -> None:
        """The client of a socket has shown valid credentials."""

    def shutdown(self) -> None:
        """Close the connection as soon as its present request is answered: the server stops."""


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the connections of one process may do.

    `requests`, `sockets`, `unauthenticated`: how many connections of each kind there are. `idle_seconds`: between two
    requests. `body_seconds`: for the body of a request. `send_seconds`: for a client to take what a socket sends.
    `largest_message`: of a socket, in bytes.
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
        """The limits that the settings name."""
        return cls(
            requests=settings.max_connections,
            sockets=settings.most_sockets,
            unauthenticated=settings.sockets_unauthenticated,
            idle_seconds=settings.keep_alive_seconds,
            body_seconds=settings.request_seconds,
            send_seconds=settings.sockets_send_seconds,
            largest_message=settings.max_body_bytes,
        )


class OpenConnections:
    """The open connections of one process."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._requests: set[ClosableConnection] = set()
        # Those that wait for their client, the one that has waited longest first.
        self._waiting: OrderedDict[ClosableConnection, None] = OrderedDict()
        self._unauthenticated: OrderedDict[ClosableConnection, None] = OrderedDict()
        self._sockets: set[ClosableConnection] = set()
        # Bytes of requests that are not answered yet: incomplete ones, the oldest first, and complete ones.
        self._content: OrderedDict[ClosableConnection, int] = OrderedDict()
        self._complete_content: dict[ClosableConnection, int] = {}
        self._content_bytes = 0
        self._date = (0, b"")
        # Shared by all connections: each takes its bytes out before the next one reads.
        self.body_buffer = memoryview(bytearray(BODY_READ_SIZE))
        self.buffer = self.body_buffer[:READ_SIZE]
        self._closed = asyncio.Event()
        # The server stops soon: each response is the last one of its connection.
        self.draining = False

    def __iter__(self) -> Iterator[ClosableConnection]:
        return iter([*self._requests, *self._unauthenticated, *self._sockets])

    def __len__(self) -> int:
        return len(self._requests) + len(self._unauthenticated) + len(self._sockets)

    @property
    def date_line(self) -> bytes:
        """The header `Date` of the present second."""
        now = int(time())
        if self._date[0] != now:
            self._date = (now, f"date: {formatdate(now, usegmt=True)}\r\n".encode("ascii"))
        return self._date[1]

    async def wait_until_empty(self, seconds: float) -> bool:
        """Wait until there is no connection, for a limited time. Returns whether there is none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self):
                    self._closed.clear()
                    await self._closed.wait()
        return not len(self)

    # Requests

    def open_request(self, connection: ClosableConnection) -> None:
        """Count a new connection for requests. It waits for its client."""
        self._requests.add(connection)
        self._make_room()
        self._waiting[connection] = None

    def wait(self, connection: ClosableConnection) -> None:
        """A connection waits for its client from now on."""
        if connection in self._requests:
            self._waiting[connection] = None
            self._waiting.move_to_end(connection)

    def work(self, connection: ClosableConnection) -> None:
        """A connection does not wait for its client any more."""
        self._waiting.pop(connection, None)

    @property
    def crowded(self) -> bool:
        """Whether there are more connections for requests than the limit allows."""
        return len(self._requests) > self.limits.requests

    def close(self, connection: ClosableConnection) -> None:
        """A connection is gone."""
        self._requests.discard(connection)
        self._waiting.pop(connection, None)
        self._unauthenticated.pop(connection, None)
        self._sockets.discard(connection)
        self.hold_content(connection, 0)
        self._closed.set()

    def _make_room(self) -> None:
        if self.crowded and self._waiting:
            oldest, _ = self._waiting.popitem(last=False)
            self.close(oldest)
            oldest.evict()

    # Sockets and event streams

    def open_socket(self, connection: ClosableConnection) -> None:
        """Count a new WebSocket connection, which has no credentials yet.

        Raises:
            ProtocolError: there are too many sockets.
        """
        if len(self._sockets) + len(self._unauthenticated) >= self.limits.sockets + self.limits.unauthenticated:
            raise ProtocolError(HTTPStatus.SERVICE_UNAVAILABLE, "Too many sockets are open. Try again later.")
        self._unauthenticated[connection] = None
        if len(self._unauthenticated) > self.limits.unauthenticated:
            oldest = self._oldest_of_largest_client()
            del self._unauthenticated[oldest]
            oldest.evict()

    def authenticate(self, connection: ClosableConnection) -> None:
        """A socket has shown valid credentials."""
        if connection in self._unauthenticated:
            del self._unauthenticated[connection]
            self._sockets.add(connection)
            connection.authenticate()

    def is_streaming(self, connection: ClosableConnection) -> bool:
        """Whether a connection sends an event stream, or is a socket with credentials."""
        return connection in self._sockets

    @contextmanager
    def streaming(self, connection: ClosableConnection) -> Iterator[None]:
        """Count a connection for requests as a socket while it sends an event stream."""
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
        """The oldest unauthenticated socket of the client address that has the most of them."""
        count = Counter(_host(connection) for connection in self._unauthenticated)
        most = max(count.values())
        return next(connection for connection in self._unauthenticated if count[_host(connection)] == most)

    # Memory

    def hold_content(self, connection: ClosableConnection, size: int, *, complete: bool = False) -> None:
        """Account for the content that a connection has received and not processed yet.

        Where all connections together hold too much, those are closed that have been sending longest.
        """
        self._content_bytes += size - self._content.get(connection, 0) - self._complete_content.pop(connection, 0)
        if size and not complete:
            self._content[connection] = size  # keeps its place in the order
        else:
            self._content.pop(connection, None)
        if size and complete:
            self._complete_content[connection] = size
        while self._content_bytes > MOST_CONTENT_BYTES and self._content:
            oldest, held = self._content.popitem(last=False)
            self._content_bytes -= held
            oldest.evict()


def _host(connection: ClosableConnection) -> str:
    return connection.client[0] if connection.client else ""


def scope_extension(connections: OpenConnections, connection: ClosableConnection) -> dict[str, Any]:
    """The ASGI extension by which the application says what a connection is used for."""
    return {_EXTENSION: (connections, connection)}


def authenticate(scope: Scope) -> None:
    """The application has accepted the credentials of a socket."""
    if found := scope.get("extensions", {}).get(_EXTENSION):
        connections, connection = found
        connections.authenticate(connection)


@contextmanager
def streaming(scope: Scope) -> Iterator[None]:
    """The application sends an event stream in answer to a request."""
    found = scope.get("extensions", {}).get(_EXTENSION)
    if not found:
        yield
        return
    connections, connection = found
    with connections.streaming(connection):
        yield
