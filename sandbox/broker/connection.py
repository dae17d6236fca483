"""One client's connection: protocol headers, SASL, open and close, heartbeats, and frames handed to their sessions."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from inventory.core.logging import get_logger
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
from sandbox.broker.session import Resolve, Session
from sandbox.broker.values import Array, Described, Symbol, UByte, UInt, ULong, UShort

log = get_logger()

_MECHANISMS: Final = ("ANONYMOUS", "PLAIN", "MSSBCBS", "EXTERNAL")
_MOST_SESSIONS: Final = 256
_LEAST_FRAME_BYTES: Final = 512
_PILE_BYTES: Final = 1024 * 1024  # sent but not yet taken by the client; beyond it nothing more is delivered


class Connection(asyncio.Protocol):
    """A client's connection. All it does happens in the event loop, at once, when bytes arrive."""

    max_frame_bytes: int = _LEAST_FRAME_BYTES

    def __init__(
        self,
        resolve: Resolve,
        idle_seconds: float,
        on_begin: Callable[["Connection"], None],
        admit: Callable[["Connection"], bool],
        on_end: Callable[["Connection"], None],
    ) -> None:
        """`idle_seconds`: how long a client may be silent; it is asked to speak twice as often.

        `admit` decides on the client's `open` whether there is room for the connection.
        """
        self._resolve = resolve
        self._idle_seconds = idle_seconds
        self._on_begin = on_begin
        self._admit = admit
        self._on_end = on_end
        self._reader = FrameReader()
        self._sessions: dict[int, Session] = {}
        self._pile: list[bytes] = []
        self._piled = 0
        self._keeps_up = True
        self._heartbeat_seconds: float | None = None
        self._loop = asyncio.get_running_loop()
        self._heard = self._spoke = self._loop.time()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio says so for streams
        self._transport = transport
        transport.set_write_buffer_limits(high=_PILE_BYTES)
        self._on_begin(self)

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        try:
            for frame in self._reader.feed(data):
                self._take(frame)
        except MalformedData as error:
            log.warning("connection refused", reason=str(error))
            self.end("amqp:connection:framing-error", str(error))
        except Exception:
            log.exception("connection failed")
            self.end("amqp:internal-error", "The broker failed on this frame.")

    def connection_lost(self, _exc: Exception | None) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        self._on_end(self)

    def pause_writing(self) -> None:
        # A client that doesn't read can't ask for more either.
        self._keeps_up = False
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._keeps_up = True
        if not self._transport.is_closing():
            self._transport.resume_reading()
            for session in list(self._sessions.values()):
                session.serve()

    # The broker's side

    def tick(self) -> None:
        """Look at the clock: keep the client's connection alive, and end it when the client is silent."""
        now = self._loop.time()
        if now - self._heard > self._idle_seconds:
            log.warning("connection idle", silent_seconds=round(now - self._heard, 1))
            self.abort()
        elif self._heartbeat_seconds is not None and now - self._spoke > self._heartbeat_seconds:
            self._write(HEARTBEAT)

    def end(self, condition: str, description: str) -> None:
        """Say goodbye and why, and close."""
        error = Described(ULong(0x1D), [Symbol(condition), description, None])
        self.send(0, Close(error))
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close without a word."""
        self._pile.clear()
        self._transport.abort()

    # The sessions' side

    @property
    def writable(self) -> bool:
        return self._keeps_up and self._piled < _PILE_BYTES

    def send(self, channel: int, performative: msgspec.Struct, payload: bytes = b"") -> None:
        self._write(write(performative, channel=channel, payload=payload))

    def _write(self, data: bytes) -> None:
        # Frames of one round of the loop leave together: one system call for many.
        if not self._pile:
            self._loop.call_soon(self._flush)
        self._pile.append(data)
        self._piled += len(data)
        self._spoke = self._loop.time()
        if self._piled >= _PILE_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._pile and not self._transport.is_closing():
            data = b"".join(self._pile)
            self._pile.clear()
            self._piled = 0
            self._transport.write(data)

    # Frames

    def _take(self, frame: Frame) -> None:
        if frame.header is not None:
            self._greet(frame.header)
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
                if frame.channel >= _MOST_SESSIONS:
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
                self._hand_over(frame)

    def _hand_over(self, frame: Frame) -> None:
        session = self._sessions.get(frame.channel)
        if session is None:
            return  # clients go on for a moment after their own `end`
        match frame.performative:
            case Attach() as attach:
                session.attach(attach)
            case Flow() as flow:
                session.flow(flow)
            case Transfer() as transfer:
                session.take(transfer, frame.payload)
            case Disposition() as disposition:
                session.dispose(disposition)
            case Detach() as detach:
                session.detach(detach)
            case other:
                raise MalformedData(f"a client does not send {type(other).__name__}")

    def _greet(self, header: bytes) -> None:
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
        self.max_frame_bytes = max(min(frame.max_frame_size or MAX_FRAME_BYTES, MAX_FRAME_BYTES), _LEAST_FRAME_BYTES)
        if frame.idle_time_out:
            self._heartbeat_seconds = frame.idle_time_out / 1000 / 2
        self.send(
            0,
            Open(
                container_id="sandbox",
                max_frame_size=UInt(MAX_FRAME_BYTES),
                channel_max=UShort(_MOST_SESSIONS - 1),
                idle_time_out=UInt(int(self._idle_seconds * 1000 / 2)),
            ),
        )
        if not self._admit(self):
            self.end("amqp:resource-limit-exceeded", "ConnectionsQuotaExceeded for the namespace.")

    def _end_session(self, channel: int) -> bool:
        session = self._sessions.pop(channel, None)
        if session is not None:
            session.close()
        return session is not None
