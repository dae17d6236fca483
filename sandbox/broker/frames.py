"""AMQP 1.0 frames and performatives (OASIS AMQP 1.0, part 2)."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from sandbox.broker.codec import MalformedData, decode, encode
from sandbox.broker.values import Array, Described, Symbol, UByte, UInt, ULong, UShort

AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
HEARTBEAT: Final = b"\x00\x00\x00\x08\x02\x00\x00\x00"
MAX_FRAME_BYTES: Final = 65_536  # as Service Bus announces

_PREFIX: Final = 8
_SASL: Final = 1


class Open(msgspec.Struct, frozen=True):
    container_id: str
    hostname: str | None = None
    max_frame_size: UInt | None = None
    channel_max: UShort | None = None
    idle_time_out: UInt | None = None  # milliseconds


class Begin(msgspec.Struct, frozen=True):
    remote_channel: UShort | None
    next_outgoing_id: UInt
    incoming_window: UInt
    outgoing_window: UInt
    handle_max: UInt | None = None


class Attach(msgspec.Struct, frozen=True):
    name: str
    handle: UInt
    role: bool  # true: the sender of this frame is the link's receiver
    snd_settle_mode: UByte | None = None
    rcv_settle_mode: UByte | None = None
    source: Any = None
    target: Any = None
    unsettled: Any = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: UInt | None = None
    max_message_size: ULong | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


class Flow(msgspec.Struct, frozen=True):
    next_incoming_id: UInt | None
    incoming_window: UInt
    next_outgoing_id: UInt
    outgoing_window: UInt
    handle: UInt | None = None
    delivery_count: UInt | None = None
    link_credit: UInt | None = None
    available: UInt | None = None
    drain: bool | None = None
    echo: bool | None = None


class Transfer(msgspec.Struct, frozen=True):
    handle: UInt
    delivery_id: UInt | None = None
    delivery_tag: bytes | None = None
    message_format: UInt | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: UByte | None = None
    state: Any = None
    resume: bool | None = None
    aborted: bool | None = None


class Disposition(msgspec.Struct, frozen=True):
    role: bool
    first: UInt
    last: UInt | None = None
    settled: bool | None = None
    state: Any = None


class Detach(msgspec.Struct, frozen=True):
    handle: UInt
    closed: bool | None = None
    error: Any = None


class End(msgspec.Struct, frozen=True):
    error: Any = None


class Close(msgspec.Struct, frozen=True):
    error: Any = None


class SaslMechanisms(msgspec.Struct, frozen=True):
    mechanisms: Array


class SaslInit(msgspec.Struct, frozen=True):
    mechanism: Symbol
    initial_response: bytes | None = None
    hostname: str | None = None

    def __repr__(self) -> str:
        return f"SaslInit({self.mechanism})"  # the response holds credentials


class SaslOutcome(msgspec.Struct, frozen=True):
    code: UByte


_PERFORMATIVES: Final[dict[int, type[msgspec.Struct]]] = {
    0x10: Open,
    0x11: Begin,
    0x12: Attach,
    0x13: Flow,
    0x14: Transfer,
    0x15: Disposition,
    0x16: Detach,
    0x17: End,
    0x18: Close,
    0x40: SaslMechanisms,
    0x41: SaslInit,
    0x44: SaslOutcome,
}
_CODES: Final = {kind: ULong(code) for code, kind in _PERFORMATIVES.items()}
_FIELDS: Final = {kind: len(kind.__struct_fields__) for kind in _PERFORMATIVES.values()}


class Frame(NamedTuple):
    """A received protocol header or performative, or neither (a heartbeat). `payload` belongs to a transfer."""

    channel: int = 0
    header: bytes | None = None
    performative: msgspec.Struct | None = None
    payload: bytes = b""


def write(performative: msgspec.Struct, *, channel: int = 0, payload: bytes = b"") -> bytes:
    """Encode a frame. Trailing None fields are omitted, as the specification allows."""
    fields = list(msgspec.structs.astuple(performative))
    while fields and fields[-1] is None:
        fields.pop()
    kind = type(performative)
    body = encode(Described(_CODES[kind], fields)) + payload
    sasl = _SASL if _CODES[kind] & 0x40 else 0
    return (len(body) + _PREFIX).to_bytes(4, "big") + bytes((2, sasl)) + channel.to_bytes(2, "big") + body


class FrameReader:
    """Frame decoder for a byte stream. It buffers at most one incomplete frame."""

    def __init__(self) -> None:
        self._incomplete = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Add received bytes and yield the complete frames.

        Raises:
            MalformedData: the bytes are not AMQP, or a frame exceeds `MAX_FRAME_BYTES`.
        """
        self._incomplete = data = self._incomplete + data
        at = 0
        while len(data) - at >= _PREFIX:
            if data.startswith(b"AMQP", at):
                end = at + _PREFIX
                frame = Frame(header=data[at:end])
            else:
                size = int.from_bytes(data[at : at + 4], "big")
                if not _PREFIX <= size <= MAX_FRAME_BYTES:
                    raise MalformedData(f"a frame of {size} bytes")
                end = at + size
                if end > len(data):
                    break
                frame = _read(data[at:end])
            at = end
            # Before the yield: the caller may stop iterating.
            self._incomplete = data[at:]
            yield frame


def _read(frame: bytes) -> Frame:
    channel = int.from_bytes(frame[6:8], "big")
    start = frame[4] * 4
    if len(frame) <= start:
        return Frame(channel=channel)
    described, end = decode(frame, start)
    code = described.descriptor if isinstance(described, Described) else None
    kind = _PERFORMATIVES.get(code) if isinstance(code, int) else None
    if kind is None or not isinstance(described.value, list):
        raise MalformedData("a frame without a performative")
    try:
        performative = kind(*described.value[: _FIELDS[kind]])
    except TypeError as error:
        raise MalformedData(f"{kind.__name__} lacks a field") from error
    return Frame(channel=channel, performative=performative, payload=frame[end:])
