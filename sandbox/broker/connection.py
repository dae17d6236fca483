"""AMQP connection of one client: protocol headers, SASL, open and close, heartbeats, dispatch of frames to sessions."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from sandbox.broker.codec import MalformedData
from sandbox.broker.frames import (
    AMQP_HEADER,
    HEARTBEAT,
    MAX_FRAME_BYTES,
    SASL_HEADER,
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Frame,
    FrameReader,
    Open,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Transfer,
    write,
)
from sandbox.broker.logs import get_logger
from sandbox.broker.session import Resolve, Session
from sandbox.broker.values import Array, Described, Symbol, UByte, UInt, ULong, UShort

log = get_logger()

_MECHANISMS: Final = ("ANONYMOUS", "PLAIN", "MSSBCBS", "EXTERNAL")
_MAX_SESSIONS: Final = 256
_MIN_FRAME_BYTES: Final = 512
_MAX_BUFFERED_BYTES: Final = 1024 * 1024  # unread output; above this size no message is delivered


class Connection(asyncio.Protocol):
    """AMQP connection. It processes frames synchronously in the event loop when bytes arrive."""

    max_frame_bytes: int = _MIN_FRAME_BYTES

    def __init__(
        self,
        resolve: Resolve,
        idle_seconds: float,
        on_begin: Callable[["Connection"], None],
        accept_connection: Callable[["Connection"], bool],
        on_end: Callable[["Connection"], None],
    ) -> None:
        """`idle_seconds`: idle timeout; the broker requests heartbeats from the client at half of this interval.

        `accept_connection`: called for the `open` frame of the client; returns whether the connection is accepted.
        """
        self._resolve = resolve
        self._idle_seconds = idle_seconds
        self._on_begin = on_begin
        self._accept_connection = accept_connection
        self._on_end = on_end
        self._reader = FrameReader()
        self._sessions: dict[int, Session] = {}
        self._buffer: list[bytes] = []
        self._buffered_bytes = 0
        self._client_reads = True
        self._heartbeat_seconds: float | None = None
        self._loop = asyncio.get_running_loop()
        self._received_at = self._sent_at = self._loop.time()

    # asyncio protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - true for streams
        self._transport = transport
        transport.set_write_buffer_limits(high=_MAX_BUFFERED_BYTES)
        self._on_begin(self)

    def data_received(self, data: bytes) -> None:
        self._received_at = self._loop.time()
        try:
            for frame in self._reader.feed(data):
                self._handle_frame(frame)
        except MalformedData as error:
            log.warning("connection_rejected", reason=str(error))
            self.end("amqp:connection:framing-error", str(error))
        except Exception:
            log.exception("connection_failed")
            self.end("amqp:internal-error", "The broker failed to process the frame.")

    def connection_lost(self, _exc: Exception | None) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        self._on_end(self)

    def pause_writing(self) -> None:
        # The broker does not process requests while the client does not read.
        self._client_reads = False
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._client_reads = True
        if not self._transport.is_closing():
            self._transport.resume_reading()
            for session in list(self._sessions.values()):
                session.serve()

    # Interface of the broker

    def tick(self) -> None:
        """Send a heartbeat if one is due. Abort the connection after the idle timeout of the client."""
        now = self._loop.time()
        if now - self._received_at > self._idle_seconds:
            log.warning("connection_idle", silent_seconds=round(now - self._received_at, 1))
            self.abort()
        elif self._heartbeat_seconds is not None and now - self._sent_at > self._heartbeat_seconds:
            self._write(HEARTBEAT)

    def end(self, condition: str, description: str) -> None:
        """Send a close frame with an error and close the connection."""
        error = Described(ULong(0x1D), [Symbol(condition), description, None])
        self.send(0, Close(error))
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close the connection without a close frame."""
        self._buffer.clear()
        self._transport.abort()

    # Interface of the sessions

    @property
    def writable(self) -> bool:
        return self._client_reads and self._buffered_bytes < _MAX_BUFFERED_BYTES

    def send(self, channel: int, performative: msgspec.Struct, payload: bytes = b"") -> None:
        self._write(write(performative, channel=channel, payload=payload))

    def _write(self, data: bytes) -> None:
        # Frames of one iteration of the event loop are sent with one system call.
        if not self._buffer:
            self._loop.call_soon(self._flush)
        self._buffer.append(data)
        self._buffered_bytes += len(data)
        self._sent_at = self._loop.time()
        if self._buffered_bytes >= _MAX_BUFFERED_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._buffer and not self._transport.is_closing():
            data = b"".join(self._buffer)
            self._buffer.clear()
            self._buffered_bytes = 0
            self._transport.write(data)

    # Frames

    def _handle_frame(self, frame: Frame) -> None:
        if frame.header is not None:
            self._answer_header(frame.header)
            return
        performative = frame.performative
        match performative:
            case None:
                pass  # a heartbeat
            case SaslInit():
                known = performative.mechanism in _MECHANISMS
                self.send(0, SaslOutcome(UByte(0 if known else 1)))
            case Open():
                self._open(performative)
            case Begin():
                if frame.channel >= _MAX_SESSIONS:
                    raise MalformedData("a channel beyond the agreed maximum")
                self._end_session(frame.channel)
                self._sessions[frame.channel] = Session(self, frame.channel, performative, self._resolve)
            case End():
                if self._end_session(frame.channel):
                    self.send(frame.channel, End())
            case Close():
                self.send(0, Close())
                self._flush()
                self._transport.close()
            case _:
                self._dispatch(frame)

    def _dispatch(self, frame: Frame) -> None:
        session = self._sessions.get(frame.channel)
        if session is None:
            return  # the client may have sent frames before it received `end`
        match frame.performative:
            case Attach() as attach:
                session.attach(attach)
            case Flow() as flow:
                session.flow(flow)
            case Transfer() as transfer:
                session.receive(transfer, frame.payload)
            case Disposition() as disposition:
                session.dispose(disposition)
            case Detach() as detach:
                session.detach(detach)
            case other:
                raise MalformedData(f"a client must not send {type(other).__name__}")

    def _answer_header(self, header: bytes) -> None:
        if header == SASL_HEADER:
            self._write(SASL_HEADER)
            self.send(0, SaslMechanisms(Array(map(Symbol, _MECHANISMS))))
        elif header == AMQP_HEADER:
            self._write(AMQP_HEADER)
        else:
            self._write(AMQP_HEADER)
            self._flush()
            self._transport.close()

    def _open(self, frame: Open) -> None:
        self.max_frame_bytes = max(min(frame.max_frame_size or MAX_FRAME_BYTES, MAX_FRAME_BYTES), _MIN_FRAME_BYTES)
        if frame.idle_time_out:
            self._heartbeat_seconds = frame.idle_time_out / 1000 / 2
        self.send(
            0,
            Open(
                container_id="sandbox",
                max_frame_size=UInt(MAX_FRAME_BYTES),
                channel_max=UShort(_MAX_SESSIONS - 1),
                idle_time_out=UInt(int(self._idle_seconds * 1000 / 2)),
            ),
        )
        if not self._accept_connection(self):
            self.end("amqp:resource-limit-exceeded", "ConnectionsQuotaExceeded for the namespace.")

    def _end_session(self, channel: int) -> bool:
        session = self._sessions.pop(channel, None)
        if session is not None:
            session.close()
        return session is not None
