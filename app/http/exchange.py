"""HTTP exchange: the ASGI interface of one request and its response."""

import asyncio
from collections.abc import Iterable, MutableMapping
from http import HTTPStatus
from typing import Any, Protocol

from starlette.types import ASGIApp, Message

from app.http.errors import ProtocolError, error_response
from app.http.request_head import RequestHead
from inventory.core.logging import get_logger

log = get_logger()

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus}
_WITHOUT_BODY = frozenset({204, 304})
# Content up to this size is joined with the response head. Larger content is not copied: one system call writes both.
_LARGEST_JOINED = 65_536


class Connection(Protocol):
    """Interface of the connection that an exchange uses."""

    transport: asyncio.Transport
    write_paused: bool

    @property
    def date_line(self) -> bytes:
        """The Date header line."""

    @property
    def draining(self) -> bool:
        """Whether the server shuts down, so that this is the last exchange of the connection."""

    async def drain(self) -> None:
        """Wait until the write buffer is below its limit."""

    def resume_body(self) -> None:
        """Resume reading: the application has read the buffered content."""

    def end_exchange(self) -> None:
        """End the exchange after its complete response."""


class Exchange:
    """A request, its body and its response."""

    __slots__ = (
        "_bodiless", "_changed", "_chunked", "_connection", "_content", "_continues", "_head", "_left", "_method",
        "_more_content", "_unread", "_version", "complete", "disconnected", "keep_alive", "scope", "started",
    )  # fmt: skip

    def __init__(self, connection: Connection, request: RequestHead, scope: MutableMapping[str, Any]) -> None:
        self._connection = connection
        self._method = request.method
        self._version = request.version
        self._continues = request.continues
        self._more_content = request.length != 0
        self._unread = not self._more_content  # a change that `receive` has not returned
        self._content = bytearray()
        self._changed: asyncio.Event | None = None
        self._head = b""  # of the response, until it is sent
        self._bodiless = False
        self._chunked = False
        self._left: int | None = None  # remaining content of the response in bytes, if its length is known
        self.scope = scope
        self.keep_alive = request.keep_alive
        self.started = False
        self.complete = False
        self.disconnected = False

    async def run(self, app: ASGIApp) -> None:
        """Run the application for this request."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:
            log.exception("application_failed", path=self.scope["path"])
        finally:
            if not self.complete and not self.disconnected:
                self._fail()

    # Request

    @property
    def buffered(self) -> int:
        """Size of the content that the application has not read, in bytes."""
        return len(self._content)

    def add_content(self, content: bytes, *, complete: bool) -> None:
        """Add received content of the request body."""
        self._content += content
        self._more_content = not complete
        self._unread = True
        self._notify()

    def disconnect(self) -> None:
        """Mark the client as disconnected: no response can be sent."""
        self.disconnected = True
        self._notify()

    async def receive(self) -> Message:
        """Return the next ASGI message."""
        if self._continues:
            self._continues = False
            if self._more_content and not self.started and not self.disconnected:
                self._connection.transport.write(_CONTINUE)
        if self._more_content and not self.complete:
            self._connection.resume_body()
        while not (self._unread or self.disconnected or self.complete):
            if self._changed is None:
                self._changed = asyncio.Event()
            self._changed.clear()
            await self._changed.wait()
        if self.disconnected or self.complete:
            return {"type": "http.disconnect"}
        content = bytes(self._content)
        self._content.clear()
        self._unread = False
        return {"type": "http.request", "body": content, "more_body": self._more_content}

    def _notify(self) -> None:
        if self._changed is not None:
            self._changed.set()

    # Response

    async def send(self, message: Message) -> None:
        """Send an ASGI message."""
        if self._connection.write_paused and not self.disconnected:
            await self._connection.drain()
        if self.disconnected:
            return
        if self.complete:
            raise RuntimeError("The response is complete already.")
        expected = "http.response.body" if self.started else "http.response.start"
        if message["type"] != expected:
            raise RuntimeError(f"Expected the ASGI message {expected}, got {message['type']}.")
        if self.started:
            self._send_content(message.get("body", b""), more=message.get("more_body", False))
        else:
            self._start(message["status"], message.get("headers", ()))

    def _start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        length: int | None = None
        lines = [_STATUS_LINES[status], self._connection.date_line]
        for given_name, value in headers:
            name = given_name.lower()
            if name == b"content-length":
                length = int(value)
            elif name == b"connection":
                self.keep_alive = self.keep_alive and b"close" not in value.lower()
                continue
            elif name == b"transfer-encoding":
                continue  # set by the server
            lines.append(b"%b: %b\r\n" % (name, value))
        self._bodiless = self._method == "HEAD" or status in _WITHOUT_BODY
        if length is None and not self._bodiless:
            self._chunked = self._version == "1.1"
            self.keep_alive = self.keep_alive and self._chunked  # without chunks, closing ends the content
        if self._chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        if self._connection.draining or not self.keep_alive:
            self.keep_alive = False
            lines.append(b"connection: close\r\n")
        head = b"".join(lines)
        if not head.count(b"\n") == head.count(b"\r") == len(lines) or b"\x00" in head:
            raise RuntimeError("A response header holds a control character.")
        self._left = length
        self._head = head + b"\r\n"
        self.started = True
        # Content that is sent before this callback runs is joined with the head.
        asyncio.get_running_loop().call_soon(self._send_head)

    def _send_head(self) -> None:
        if self._head and not self.disconnected:
            self._connection.transport.write(self._head)
        self._head = b""

    def _send_content(self, content: bytes, *, more: bool) -> None:
        if self._bodiless:
            content = b""
        elif self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(content), content) if content else b""
            content = chunk if more else chunk + b"0\r\n\r\n"
        elif self._left is not None:
            self._left -= len(content)
            if self._left < 0 or (self._left > 0 and not more):
                raise RuntimeError("The content length differs from Content-Length.")
        if self._head and content:
            head, self._head = self._head, b""
            if len(content) <= _LARGEST_JOINED:
                self._connection.transport.write(head + content)
            else:
                self._connection.transport.writelines((head, content))
        elif self._head:
            self._send_head()
        elif content:
            self._connection.transport.write(content)
        if not more:
            self._complete()

    def _complete(self) -> None:
        self.complete = True
        self._content.clear()
        self._notify()
        self._connection.end_exchange()

    def _fail(self) -> None:
        """Send 500 or abort: the application ended without a complete response."""
        self.keep_alive = False
        if self.started:
            self.disconnect()
            self._connection.transport.abort()
        else:
            self.started = True
            error = ProtocolError(HTTPStatus.INTERNAL_SERVER_ERROR, "The request failed because of an internal error.")
            self._connection.transport.write(error_response(error, self._connection.date_line))
            self._complete()
