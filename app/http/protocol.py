"""HTTP/1.1 server connections: one request at a time, with limits on input size, buffers and unread output.

Bytes after the current request stay in the socket: the connection pauses reading while it answers a request and another
request waits (docs/decisions/0006-http-protocol.md).
"""

import asyncio
from enum import Enum, auto
from http import HTTPStatus
from math import inf
from typing import Any

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.http.connections import EXEMPT_PATHS, OpenConnections, scope_extension
from app.http.errors import ProtocolError, error_response
from app.http.exchange import Exchange
from app.http.handshake import check_handshake, subprotocols
from app.http.request_body import BodyReader, reader_of
from app.http.request_head import END_OF_HEAD, RequestHead, check_incomplete, check_size, parse_head
from app.http.scope import address_of, scope_of
from app.http.timer import DeadlineTimer
from app.http.websocket import WebSocketConnection
from inventory.core.logging import get_logger

log = get_logger()

# Timeout for a request head, from its first byte or the start of the connection.
HEAD_SECONDS = 15.0
# Timeout for a client to read sent bytes.
SEND_SECONDS = 60.0
# Time to discard the rest of a rejected request: a client whose connection is cut while it sends rarely sees the response.
_LINGER_SECONDS = 3.0
_MAX_DISCARDED_BYTES = 8 * 1_048_576
# Above this size of unread content, reading is paused.
_HIGH_WATER_BYTES = 65_536


class _Phase(Enum):
    """Connection state: the input that the connection expects."""

    IDLE = auto()  # the next request (keep-alive)
    HEAD = auto()  # the rest of a head
    BODY = auto()  # the rest of a body
    NOTHING = auto()  # the request is complete; the application answers it
    END = auto()  # input is discarded until the client closes


class HttpConnection(asyncio.BufferedProtocol):
    """HTTP connection. An upgrade passes its transport to a `WebSocketConnection`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: OpenConnections,
    ) -> None:
        """Take the arguments of a uvicorn protocol, and the connections of the process."""
        self._server_state = server_state
        self._app_state = app_state
        self._app: ASGIApp = config.loaded_app  # uvicorn types ASGI differently
        self._loop = _loop or asyncio.get_running_loop()
        self._connections = connections
        self._server: tuple[str, int] | None = None
        self._phase = _Phase.HEAD
        self._pending = b""  # received but not parsed
        self._exchange: Exchange | None = None  # None after the response is complete
        self._reader: BodyReader | None = None  # None after the body is complete
        self._content_bytes = 0
        self._discarded = 0
        self._read_paused = False
        self._writable: asyncio.Event | None = None
        self._timer = DeadlineTimer(self._loop, self._check_deadlines)
        self._input_deadline = self._output_deadline = inf
        self.transport: asyncio.Transport
        self.client: tuple[str, int] | None = None
        self.write_paused = False

    # asyncio protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timeout of the first request."""
        self.transport = transport  # type: ignore[assignment]  # a stream has no other transports
        self.client = address_of(transport.get_extra_info("peername"))
        self._server = address_of(transport.get_extra_info("sockname"))
        self._connections.open_request(self)
        self._expect(_Phase.HEAD, HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release all resources of the connection."""
        del exc
        self._connections.close(self)
        self._timer.close()
        self._phase, self._pending, self._reader = _Phase.END, b"", None
        self._drop_exchange()
        self.resume_writing()

    def eof_received(self) -> bool:
        """Handle a half-close by the client. A complete request is still answered, unless the response is a stream."""
        if self._exchange is None or self._phase is not _Phase.NOTHING or self._connections.is_streaming(self):
            return False
        self._exchange.keep_alive = False
        return True

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the read buffer."""
        del sizehint
        return self._connections.body_buffer if self._reader else self._connections.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Process received bytes."""
        if self._phase is not _Phase.END:
            self._process(self._pending + self._connections.body_buffer[:nbytes], parsed=len(self._pending))
        else:
            self._discarded += nbytes
            if self._discarded > _MAX_DISCARDED_BYTES:
                self.transport.abort()

    def pause_writing(self) -> None:
        """Start the send timeout: the write buffer is full because the client does not read."""
        self.write_paused = True
        self._output_deadline = self._loop.time() + SEND_SECONDS
        self._timer.expect(self._output_deadline)
        self._connections.wait(self)

    def resume_writing(self) -> None:
        """Stop the send timeout and continue."""
        self.write_paused = False
        self._output_deadline = inf
        if self._phase is _Phase.NOTHING:
            self._connections.work(self)
        if self._writable:
            self._writable.set()
        self._process(self._pending)

    # Request parsing

    def _process(self, data: bytes, parsed: int = 0) -> None:
        """Parse as far as possible: the rest of a body, and the next request if no exchange is open.

        The first `parsed` bytes are known to hold no complete head.
        """
        position = 0
        try:
            while position < len(data) and self._phase is not _Phase.END:
                if self._reader:
                    position = self._read_body(self._reader, data, position)
                elif self._exchange or self.write_paused:
                    break
                else:
                    end = self._read_head(data, position, max(position, parsed - 3))
                    if end == position:
                        break
                    position = end
        except ProtocolError as error:
            self._reject(error)
        else:
            self._pending = data[position:]
            self._pause_or_resume()

    def _read_head(self, data: bytes, position: int, search_from: int) -> int:
        """Parse a head and start an exchange. Return the position after the head, or `position` if it is incomplete."""
        # RFC 9112 (2.2) allows an empty line before the request line.
        start = position + 2 if data.startswith(b"\r\n", position) else position
        found = data.find(END_OF_HEAD, max(start, search_from))
        if found < 0:
            if b"\n" in data[search_from:]:
                check_incomplete(data[start:])
            check_size(len(data) - start)
            if self._phase is _Phase.IDLE:
                self._expect(_Phase.HEAD, HEAD_SECONDS)
            return position
        end = found + len(END_OF_HEAD)
        check_size(end - start)
        request = parse_head(data[start:end])
        if self._connections.crowded and request.path not in EXEMPT_PATHS:
            raise ProtocolError(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections are open. Try again later.")
        if request.websocket:
            self._upgrade(request, data[end:])
            return len(data)
        self._reader = reader_of(request.length)
        self._exchange = Exchange(self, request, self._scope(request, scope_extension(self._connections, self)))
        if self._reader:
            self._content_bytes = end - start
            self._expect(_Phase.BODY, self._connections.limits.body_seconds)
        else:
            self._expect_no_input()
        self._start(self._exchange.run(self._app))
        if self._reader:
            self._connections.hold_content(self, self._content_bytes)
        return end

    def _read_body(self, reader: BodyReader, data: bytes, position: int) -> int:
        content, position = reader.feed(data, position)
        if reader.complete:
            self._reader = None
        if self._exchange:
            self._content_bytes += len(content)
            self._exchange.add_content(content, complete=reader.complete)
            if reader.complete:
                self._expect_no_input()
            # The body limit discards the rest.
            held = min(self._content_bytes, self._connections.limits.largest_message + _HIGH_WATER_BYTES)
            self._connections.hold_content(self, held, complete=reader.complete)
        elif reader.complete:
            self._await_request()
        else:  # the rest of a request whose response is complete
            self._discarded += len(content)
            if self._discarded > _MAX_DISCARDED_BYTES:
                self._end(linger=True)
        return position

    def _upgrade(self, request: RequestHead, rest: bytes) -> None:
        accept_key = check_handshake(request)
        socket = WebSocketConnection(self.transport, self._connections, client=self.client)
        self._connections.open_socket(socket)
        self._connections.close(self)
        self._timer.close()
        scope = self._scope(request, scope_extension(self._connections, socket))
        scope |= {"type": "websocket", "scheme": "ws", "subprotocols": subprotocols(request)}
        socket.start(accept_key, rest)
        self._start(socket.run(self._app, scope))

    def _scope(self, request: RequestHead, extensions: dict[str, Any]) -> dict[str, Any]:
        scope = scope_of(request, self._app_state, server=self._server, client=self.client)
        scope["extensions"] = extensions
        return scope

    def _start(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    # Interface of the exchange

    @property
    def date_line(self) -> bytes:
        return self._connections.date_line

    @property
    def draining(self) -> bool:
        return self._connections.draining

    async def drain(self) -> None:
        if self._writable is None:
            self._writable = asyncio.Event()
        while self.write_paused:
            self._writable.clear()
            await self._writable.wait()

    def resume_body(self) -> None:
        self._pause_or_resume()

    def end_exchange(self) -> None:
        assert self._exchange  # noqa: S101 - the exchange calls this method
        keep_alive = self._exchange.keep_alive and not self.draining
        self._exchange = None
        self._content_bytes = self._discarded = 0
        self._connections.hold_content(self, 0)
        self._server_state.total_requests += 1
        if not keep_alive:
            self._end(linger=bool(self._reader or self._pending))
        elif self._reader is None:
            self._await_request()
            self._process(self._pending)
        else:
            self._pause_or_resume()

    # State and timeouts

    def _await_request(self) -> None:
        self._expect(_Phase.IDLE, self._connections.limits.idle_seconds)

    def _expect(self, phase: _Phase, seconds: float) -> None:
        self._phase = phase
        self._input_deadline = self._loop.time() + seconds
        self._timer.expect(self._input_deadline)
        self._connections.wait(self)

    def _expect_no_input(self) -> None:
        self._phase = _Phase.NOTHING
        self._input_deadline = inf
        self._connections.work(self)

    def _check_deadlines(self, now: float) -> float:
        if self._output_deadline <= now:
            self.transport.abort()
        elif self._input_deadline <= now:
            self._time_out()
        return min(self._input_deadline, self._output_deadline)

    def _time_out(self) -> None:
        match self._phase:
            case _Phase.HEAD:
                self._reject(ProtocolError(HTTPStatus.REQUEST_TIMEOUT, f"Send the head within {HEAD_SECONDS:g} s."))
            case _Phase.BODY:
                seconds = self._connections.limits.body_seconds
                self._reject(ProtocolError(HTTPStatus.REQUEST_TIMEOUT, f"Send the body within {seconds:g} s."))
            case _Phase.END:
                self._input_deadline = inf
                self.transport.abort()
            case _:
                self._close()

    def _pause_or_resume(self) -> None:
        if self.transport.is_closing():
            return
        full = self._exchange is not None and self._exchange.buffered > _HIGH_WATER_BYTES
        paused = full or (bool(self._pending) and (self._exchange is not None or self.write_paused))
        if paused and not self._read_paused:
            self.transport.pause_reading()
        elif self._read_paused and not paused:
            self.transport.resume_reading()
        self._read_paused = paused

    # Close

    def evict(self) -> None:
        """Close the connection at once to free capacity; see `OpenConnections`."""
        self._drop_exchange()
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self._close()

    def authenticate(self) -> None:
        """Do nothing: each HTTP request carries its credentials."""

    def shutdown(self) -> None:
        """Close the connection after the current response: the server stops."""
        if self._exchange:
            self._exchange.keep_alive = False
        else:
            self._end(linger=False)

    def _reject(self, error: ProtocolError) -> None:
        """Send an error response for an invalid request and close the connection."""
        log.info("request_rejected", status=error.status.value, reason=error.reason, client=self.client)
        answered = self._exchange.started if self._exchange else self._reader is not None
        self._drop_exchange()
        if not answered:
            self.transport.write(error_response(error, self._connections.date_line))
        self._end(linger=True)

    def _drop_exchange(self) -> None:
        if self._exchange:
            self._exchange.disconnect()
            self._exchange = None
        self._content_bytes = 0
        self._connections.hold_content(self, 0)

    def _end(self, *, linger: bool) -> None:
        """Close after the response. With `linger`, first discard input until the client closes, for a limited time."""
        self._reader, self._pending = None, b""
        if not linger:
            self._close()
        elif not self.transport.is_closing():
            self._expect(_Phase.END, _LINGER_SECONDS)
            self.transport.write_eof()
            self._pause_or_resume()

    def _close(self) -> None:
        self._phase = _Phase.END
        self._input_deadline = self._loop.time() + SEND_SECONDS
        self._timer.expect(self._input_deadline)
        self.transport.close()
