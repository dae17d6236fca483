"""WebSocket connections: RFC 6455 by the `websockets` library, with back-pressure in both directions.

Frames are parsed as far as the application and the client keep up. A message that the application has not taken, or an
answer that the client does not take, stops the reading; so pings cost no more memory than pongs are read.
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
from app.http.errors import ProtocolError, refusal
from app.http.timer import DeadlineTimer
from inventory.core.logging import get_logger

log = get_logger()

PING_SECONDS = 20.0
PONG_SECONDS = 20.0
# For the client's part of the closing handshake.
CLOSE_SECONDS = 10.0
# For a client to see why it was closed.
_LINGER_SECONDS = 2.0
# Before it has shown credentials, a client has nothing longer to say.
_LARGEST_UNAUTHENTICATED = 16_384
# Parsed at once, and so the most messages that wait for the application.
_SLICE = 1_024
# Discarded at the end of a socket before it is cut off.
_MOST_DISCARDED = 1_048_576


class WebSocketConnection(asyncio.BufferedProtocol):
    """A socket, from its handshake to its end."""

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
        self._pending = b""  # received, but not parsed yet
        self._events: deque[Message] = deque([{"type": "websocket.connect"}])
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._message = bytearray()
        self._is_text = True
        self._unfinished = 0  # bytes since the last complete message
        self._accepted = False
        self._closed = False  # by either side: nothing more is sent or delivered
        self._lost = False
        self._discards = False  # what is received
        self._discarded = 0
        self._read_paused = False
        self._ping: bytes | None = None
        self._ping_at = self._pong_deadline = self._send_deadline = self._close_deadline = inf
        self._timer = DeadlineTimer(self._loop, self._check_deadlines)
        self.client = client

    def start(self, accept_key: str, rest: bytes) -> None:
        """Take over the transport. `rest`: what the client has sent after the handshake."""
        self._accept_key = accept_key
        self._pending = rest
        self._transport.set_protocol(self)
        self._pause_or_resume()

    async def run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        """Have the application serve the socket."""
        try:
            await app(scope, self.receive, self.send)
        except Exception:
            log.exception("application_failed", path=scope["path"])
        finally:
            self._end()

    def authenticate(self) -> None:
        """The client has shown valid credentials: it may send longer messages."""
        self._protocol.max_message_size = self._connections.limits.largest_message

    def evict(self) -> None:
        """Close the connection at once; see `OpenConnections`."""
        self._transport.abort()

    def shutdown(self) -> None:
        """Close, because the server stops."""
        self._close(1012, "")

    # The transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Release everything, whatever has ended the connection."""
        del exc
        self._lost = True
        self._connections.close(self)
        self._timer.close()
        self._pending = b""
        self._protocol.parser.close()  # a generator that refers to its owner: memory is freed without a search for cycles
        self._disconnect(1006)
        self._writable.set()

    def eof_received(self) -> bool:
        """The client sends nothing more: close."""
        return False

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer that the transport reads into."""
        del sizehint
        return self._connections.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Process received bytes."""
        if self._discards:
            self._discarded += nbytes
            if self._discarded > _MOST_DISCARDED:
                self._transport.abort()
        else:
            self._pending += self._connections.buffer[:nbytes]
            self._parse()

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        self._writable.clear()
        self._send_deadline = self._loop.time() + self._connections.limits.send_seconds
        self._timer.expect(self._send_deadline)

    def resume_writing(self) -> None:
        """The client takes what is sent."""
        self._writable.set()
        self._send_deadline = inf
        self._parse()

    # Frames

    def _parse(self) -> None:
        """Parse what is pending, for as long as the application and the client keep up."""
        while self._pending and self._flows and not self._discards:
            part, self._pending = self._pending[:_SLICE], self._pending[_SLICE:]
            self._unfinished += len(part)
            self._protocol.receive_data(part)
            for frame in self._protocol.events_received():
                if isinstance(frame, Frame):
                    self._take(frame)
            self._flush()
            if self._protocol.parser_exc is not None or self._protocol.close_rcvd is not None:
                close = self._protocol.close_rcvd or self._protocol.close_sent
                self._disconnect(close.code if close else 1006)
                self._linger()
        self._connections.hold_content(self, self._unfinished)
        self._pause_or_resume()

    @property
    def _flows(self) -> bool:
        return self._accepted and not self._lost and self._writable.is_set() and (self._closed or not self._events)

    def _take(self, frame: Frame) -> None:
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            if frame.opcode is not Opcode.CONT:
                self._is_text = frame.opcode is Opcode.TEXT
            self._message += frame.data
            if frame.fin:
                self._deliver()
        elif frame.opcode is Opcode.PONG and self._ping is not None and bytes(frame.data) == self._ping:
            self._ping, self._pong_deadline = None, inf
            self._ping_at = self._loop.time() + PING_SECONDS
            self._timer.expect(self._ping_at)

    def _deliver(self) -> None:
        content = bytes(self._message)
        self._message.clear()
        self._unfinished = 0
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
        paused = bool(self._pending) or not (self._accepted or self._discards)
        if paused and not self._read_paused:
            self._transport.pause_reading()
        elif self._read_paused and not paused:
            self._transport.resume_reading()
        self._read_paused = paused

    # The application

    async def receive(self) -> Message:
        """The next ASGI message."""
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
            raise OSError("The client has left.")
        match message["type"]:
            case "websocket.accept":
                self._accept(message.get("subprotocol"), message.get("headers", ()))
            case "websocket.send":
                self._send_content(message.get("text"), message.get("bytes"))
            case "websocket.close" if self._accepted:
                self._close(message.get("code", 1000), message.get("reason") or "")
            case "websocket.close":
                self._refuse(ProtocolError(HTTPStatus.FORBIDDEN, "The socket is not accepted here."))
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
        """Tell the application once that the socket is closed."""
        if not self._closed:
            self._closed = True
            self._add({"type": "websocket.disconnect", "code": code})

    # The end

    def _refuse(self, error: ProtocolError) -> None:
        self._closed = True
        self._transport.write(refusal(error, self._connections.date_line))
        self._linger()

    def _close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""
        if not self._accepted:
            if not self._closed:
                self._refuse(ProtocolError(HTTPStatus.SERVICE_UNAVAILABLE, "The server stops. Try again."))
        elif not self._lost and self._protocol.state is OPEN:
            self._protocol.send_close(code, reason)
            self._flush()
            self._disconnect(code)
            self._expect_close(CLOSE_SECONDS)
            self._parse()

    def _end(self) -> None:
        """The application is done."""
        if self._accepted:
            self._close(1011, "")
        elif not self._closed:
            self._refuse(ProtocolError(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side."))

    def _linger(self) -> None:
        """Both sides are done: send the rest, and discard what comes until the client closes."""
        if not self._discards and not self._lost and not self._transport.is_closing():
            self._discards, self._pending = True, b""
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
