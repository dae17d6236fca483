"""WebSocket connections (RFC 6455) with back-pressure in both directions, on the `websockets` library.

The connection stops parsing while the application has an unread message or the client does not read. Buffered pongs are
therefore bounded too.
"""

import asyncio
import secrets
from collections import deque
from http import HTTPStatus
from math import inf
from typing import Any

from starlette.types import ASGIApp, Message
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from app.http.connections import OpenConnections
from app.http.errors import ProtocolError, error_response
from app.http.timer import DeadlineTimer
from inventory.core.logging import get_logger

log = get_logger()

PING_SECONDS = 20.0
PONG_SECONDS = 20.0
# Timeout for the close frame of the client.
CLOSE_SECONDS = 10.0
# Time for the client to read the close frame before the connection is cut.
_LINGER_SECONDS = 2.0
# Maximum message size of a client without credentials, in bytes.
_LARGEST_UNAUTHENTICATED = 16_384
# Bytes that are parsed at once. This bounds the messages that wait for the application.
_SLICE_BYTES = 1_024
_MAX_DISCARDED_BYTES = 1_048_576


class WebSocketConnection(asyncio.BufferedProtocol):
    """WebSocket connection from its handshake to its close."""

    def __init__(
        self, transport: asyncio.Transport, connections: OpenConnections, *, client: tuple[str, int] | None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._connections = connections
        self._accept_key = ""
        self._protocol = ServerProtocol(
            state=OPEN, max_size=min(connections.limits.largest_message, _LARGEST_UNAUTHENTICATED)
        )
        self._pending = b""  # received but not parsed
        self._events: deque[Message] = deque([{"type": "websocket.connect"}])
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._message = bytearray()
        self._is_text = True
        self._incomplete_bytes = 0  # received since the last complete message
        self._accepted = False
        self._closed = False  # by client or server: no message is sent or delivered
        self._lost = False
        self._discarding = False  # received bytes are discarded
        self._discarded = 0
        self._read_paused = False
        self._ping: bytes | None = None
        self._ping_at = self._pong_deadline = self._send_deadline = self._close_deadline = inf
        self._timer = DeadlineTimer(self._loop, self._check_deadlines)
        self.client = client

    def start(self, accept_key: str, rest: bytes) -> None:
        """Take over the transport. `rest` holds the bytes received after the handshake."""
        self._accept_key = accept_key
        self._pending = rest
        self._transport.set_protocol(self)
        self._pause_or_resume()

    async def run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        """Run the application for this connection."""
        try:
            await app(scope, self.receive, self.send)
        except Exception:
            log.exception("application_failed", path=scope["path"])
        finally:
            self._end()

    def authenticate(self) -> None:
        """Raise the message size limit: the client is authenticated."""
        self._protocol.max_message_size = self._connections.limits.largest_message

    def evict(self) -> None:
        """Close the connection at once to free capacity; see `OpenConnections`."""
        self._transport.abort()

    def shutdown(self) -> None:
        """Start the closing handshake: the server stops."""
        self._close(1012, "")

    # asyncio protocol

    def connection_lost(self, exc: Exception | None) -> None:
        """Release all resources of the connection."""
        del exc
        self._lost = True
        self._connections.close(self)
        self._timer.close()
        self._pending = b""
        self._protocol.parser.close()  # breaks a reference cycle: the generator refers to its owner
        self._disconnect(1006)
        self._writable.set()

    def eof_received(self) -> bool:
        """Close the transport after a half-close by the client."""
        return False

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the read buffer."""
        del sizehint
        return self._connections.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Process received bytes."""
        if self._discarding:
            self._discarded += nbytes
            if self._discarded > _MAX_DISCARDED_BYTES:
                self._transport.abort()
        else:
            self._pending += self._connections.buffer[:nbytes]
            self._parse()

    def pause_writing(self) -> None:
        """Start the send timeout: the write buffer is full because the client does not read."""
        self._writable.clear()
        self._send_deadline = self._loop.time() + self._connections.limits.send_seconds
        self._timer.expect(self._send_deadline)

    def resume_writing(self) -> None:
        """Stop the send timeout and continue."""
        self._writable.set()
        self._send_deadline = inf
        self._parse()

    # Frames

    def _parse(self) -> None:
        """Parse pending bytes while the application and the client keep up."""
        while self._pending and self._may_parse and not self._discarding:
            part, self._pending = self._pending[:_SLICE_BYTES], self._pending[_SLICE_BYTES:]
            self._incomplete_bytes += len(part)
            self._protocol.receive_data(part)
            for frame in self._protocol.events_received():
                if isinstance(frame, Frame):
                    self._handle_frame(frame)
            self._flush()
            if self._protocol.parser_exc is not None or self._protocol.close_rcvd is not None:
                close = self._protocol.close_rcvd or self._protocol.close_sent
                self._disconnect(close.code if close else 1006)
                self._linger()
        self._connections.hold_content(self, self._incomplete_bytes)
        self._pause_or_resume()

    @property
    def _may_parse(self) -> bool:
        return self._accepted and not self._lost and self._writable.is_set() and (self._closed or not self._events)

    def _handle_frame(self, frame: Frame) -> None:
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            if frame.opcode is not Opcode.CONT:
                self._is_text = frame.opcode is Opcode.TEXT
            self._message += frame.data
            if frame.fin:
                self._deliver_message()
        elif frame.opcode is Opcode.PONG and self._ping is not None and bytes(frame.data) == self._ping:
            self._ping, self._pong_deadline = None, inf
            self._ping_at = self._loop.time() + PING_SECONDS
            self._timer.expect(self._ping_at)

    def _deliver_message(self) -> None:
        content = bytes(self._message)
        self._message.clear()
        self._incomplete_bytes = 0
        if self._closed:
            return
        if not self._is_text:
            self._add({"type": "websocket.receive", "bytes": content})
            return
        try:
            self._add({"type": "websocket.receive", "text": content.decode()})
        except UnicodeDecodeError:
            self._close(1007, "Text messages are UTF-8")
            self._disconnect(1007)

    def _pause_or_resume(self) -> None:
        if self._transport.is_closing():
            return
        paused = bool(self._pending) or not (self._accepted or self._discarding)
        if paused and not self._read_paused:
            self._transport.pause_reading()
        elif self._read_paused and not paused:
            self._transport.resume_reading()
        self._read_paused = paused

    # ASGI interface

    async def receive(self) -> Message:
        """Return the next ASGI message."""
        while not self._events:
            self._changed.clear()
            await self._changed.wait()
        message = self._events.popleft()
        if not self._events and self._pending:
            self._parse()
        return message

    async def send(self, message: Message) -> None:
        """Send an ASGI message."""
        await self._writable.wait()
        if self._lost:
            raise OSError("The client has disconnected.")
        match message["type"]:
            case "websocket.accept":
                self._accept(message.get("subprotocol"), message.get("headers", ()))
            case "websocket.send":
                self._send_content(message.get("text"), message.get("bytes"))
            case "websocket.close" if self._accepted:
                self._close(message.get("code", 1000), message.get("reason") or "")
            case "websocket.close":
                self._reject(ProtocolError(HTTPStatus.FORBIDDEN, "The socket is not accepted here."))
            case other:
                raise RuntimeError(f"Unexpected ASGI message {other}.")

    def _accept(self, subprotocol: str | None, headers: Any) -> None:
        lines = [
            b"HTTP/1.1 101 Switching Protocols\r\n", self._connections.date_line,
            b"upgrade: websocket\r\nconnection: upgrade\r\n",
            f"sec-websocket-accept: {self._accept_key}\r\n".encode("ascii"),
            f"sec-websocket-protocol: {subprotocol}\r\n".encode("ascii") if subprotocol else b"",
            *(b"%b: %b\r\n" % header for header in headers),
        ]  # fmt: skip
        self._transport.write(b"".join(lines) + b"\r\n")
        self._accepted = True
        self._ping_at = self._loop.time() + PING_SECONDS
        self._timer.expect(self._ping_at)
        self._parse()

    def _send_content(self, text: str | None, content: bytes | None) -> None:
        try:
            if text is not None:
                self._protocol.send_text(text.encode())
            else:
                self._protocol.send_binary(content or b"")
        except InvalidState:
            raise OSError("The socket is closed.") from None
        self._flush()

    def _add(self, message: Message) -> None:
        self._events.append(message)
        self._changed.set()

    def _disconnect(self, code: int) -> None:
        """Queue the disconnect message for the application, once."""
        if not self._closed:
            self._closed = True
            self._add({"type": "websocket.disconnect", "code": code})

    # Close

    def _reject(self, error: ProtocolError) -> None:
        self._closed = True
        self._transport.write(error_response(error, self._connections.date_line))
        self._linger()

    def _close(self, code: int, reason: str) -> None:
        """Start the closing handshake."""
        if not self._accepted:
            if not self._closed:
                self._reject(ProtocolError(HTTPStatus.SERVICE_UNAVAILABLE, "The server stops. Try again."))
        elif not self._lost and self._protocol.state is OPEN:
            self._protocol.send_close(code, reason)
            self._flush()
            self._disconnect(code)
            self._expect_close(CLOSE_SECONDS)
            self._parse()

    def _end(self) -> None:
        """Close after the application has returned."""
        if self._accepted:
            self._close(1011, "")
        elif not self._closed:
            self._reject(
                ProtocolError(HTTPStatus.INTERNAL_SERVER_ERROR, "The request failed because of an internal error.")
            )

    def _linger(self) -> None:
        """Flush output and discard input until the client closes, for a limited time."""
        if not self._discarding and not self._lost and not self._transport.is_closing():
            self._discarding, self._pending = True, b""
            self._expect_close(_LINGER_SECONDS)
            self._transport.write_eof()
            self._pause_or_resume()

    def _expect_close(self, seconds: float) -> None:
        self._ping_at = self._pong_deadline = inf
        self._close_deadline = min(self._close_deadline, self._loop.time() + seconds)
        self._timer.expect(self._close_deadline)

    def _flush(self) -> None:
        if data := b"".join(self._protocol.data_to_send()):
            self._transport.write(data)

    def _check_deadlines(self, now: float) -> float:
        if min(self._send_deadline, self._close_deadline) <= now:
            self._transport.abort()
            return inf
        if self._pong_deadline <= now:
            self._protocol.fail(1011, "keepalive ping timeout")
            self._flush()
            self._disconnect(1011)
            self._linger()
        elif self._ping_at <= now:
            self._ping = secrets.token_bytes(4)
            self._protocol.send_ping(self._ping)
            self._flush()
            self._ping_at, self._pong_deadline = inf, now + PONG_SECONDS
        return min(self._send_deadline, self._close_deadline, self._pong_deadline, self._ping_at)
