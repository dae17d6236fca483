"""AMQP message format: separates the sections that a broker may change from the bare message, which stays unchanged."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Final

import msgspec

from sandbox.broker.codec import MalformedData, decode, encode, end_of
from sandbox.broker.errors import DecodeError
from sandbox.broker.message import Message
from sandbox.broker.values import Described, Int, Symbol, Timestamp, UInt, ULong

BATCH_FORMAT: Final = 0x80013700  # Service Bus batch: each data section is an encoded message


class Section(IntEnum):
    """Sections of a message by their descriptors."""

    HEADER = 0x70
    DELIVERY_ANNOTATIONS = 0x71
    ANNOTATIONS = 0x72
    PROPERTIES = 0x73
    APPLICATION_PROPERTIES = 0x74
    DATA = 0x75
    SEQUENCE = 0x76
    VALUE = 0x77
    FOOTER = 0x78


_SECTIONS: Final[dict[Any, Section]] = {section.value: section for section in Section}
_SCHEDULED_FOR: Final = Symbol("x-opt-scheduled-enqueue-time")
_TTL_FIELD: Final = 2
_CORRELATION_FIELD: Final = 5


class Envelope(msgspec.Struct, frozen=True):
    """A received message. `bare` holds its encoded properties, application properties and body."""

    bare: bytes
    annotations: dict[Any, Any] = {}
    ttl: timedelta | None = None
    scheduled_for: datetime | None = None


class Request(msgspec.Struct, frozen=True):
    """A request to the broker. Keys and texts of `application_properties` are strings or symbols."""

    message_id: Any
    application_properties: dict[Any, Any]
    value: Any


def milliseconds(instant: datetime) -> Timestamp:
    return Timestamp(int(instant.timestamp() * 1000))


def read_messages(data: bytes, message_format: int) -> list[Envelope]:
    """Decode the messages of a transfer: one message or a batch.

    Raises:
        DecodeError: the data is not an AMQP message.
    """
    if message_format != BATCH_FORMAT:
        return [read(data)]
    try:
        return [read(content) for code, content in _contents(data) if code is Section.DATA]
    except MalformedData as error:
        raise DecodeError(str(error)) from error


def read(data: bytes) -> Envelope:
    """Decode one message.

    Raises:
        DecodeError: the data is not an AMQP message.
    """
    bare = bytearray()
    annotations: dict[Any, Any] = {}
    ttl = None
    try:
        for code, section in _sections(data):
            match code:
                case Section.HEADER:
                    header = _content(section)
                    if len(header) > _TTL_FIELD and header[_TTL_FIELD] is not None:
                        ttl = timedelta(milliseconds=header[_TTL_FIELD])
                case Section.DELIVERY_ANNOTATIONS:
                    pass  # for this hop only
                case Section.ANNOTATIONS:
                    annotations = _content(section)
                case _:
                    bare += section
        due = annotations.get(_SCHEDULED_FOR)
        scheduled_for = None if due is None else datetime.fromtimestamp(due / 1000, UTC)
    except (MalformedData, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise DecodeError(str(error)) from error
    return Envelope(bytes(bare), annotations, ttl, scheduled_for)


def write(message: Message[Envelope]) -> bytes:
    """Encode a message for its receiver, with the header and annotations of the broker."""
    envelope = message.payload
    header = [None, None, _ttl(envelope.ttl), None, UInt(message.delivery_count)]
    annotations = envelope.annotations | {
        Symbol("x-opt-enqueued-time"): milliseconds(message.enqueued_at),
        Symbol("x-opt-sequence-number"): message.sequence_number,
        Symbol("x-opt-message-state"): Int(message.state),
    }
    if message.locked_until is not None:
        annotations[Symbol("x-opt-locked-until")] = milliseconds(message.locked_until)
    bare = envelope.bare
    if message.dead_letter is not None:
        annotations[Symbol("x-opt-deadletter-source")] = message.dead_letter.source
        reasons = {
            "DeadLetterReason": message.dead_letter.reason,
            "DeadLetterErrorDescription": message.dead_letter.description,
        }
        bare = _with_application_properties(bare, {name: text for name, text in reasons.items() if text is not None})
    return _section(Section.HEADER, header) + _section(Section.ANNOTATIONS, annotations) + bare


def read_request(data: bytes) -> Request:
    """Decode a request to `$cbs` or `$management`.

    Raises:
        DecodeError: the data is not an AMQP message.
    """
    properties: list[Any] = []
    application_properties: dict[Any, Any] = {}
    value = None
    try:
        for code, content in _contents(data):
            match code:
                case Section.PROPERTIES:
                    properties = content
                case Section.APPLICATION_PROPERTIES:
                    application_properties = content
                case Section.VALUE:
                    value = content
    except MalformedData as error:
        raise DecodeError(str(error)) from error
    return Request(properties[0] if properties else None, application_properties or {}, value)


def write_reply(request: Request, application_properties: dict[str, Any], value: Any = None) -> bytes:
    """Encode the reply to a request. Its correlation id is the message id of the request, in the same AMQP type."""
    properties = [*[None] * _CORRELATION_FIELD, request.message_id]
    return (
        _section(Section.PROPERTIES, properties)
        + _section(Section.APPLICATION_PROPERTIES, application_properties)
        + _section(Section.VALUE, value)
    )


def _ttl(ttl: timedelta | None) -> UInt | None:
    return None if ttl is None else UInt(min(int(ttl.total_seconds() * 1000), 2**32 - 1))


def _section(kind: Section, content: Any) -> bytes:
    return encode(Described(ULong(kind), content))


def _sections(data: bytes) -> Iterator[tuple[Section, bytes]]:
    at = 0
    while at < len(data):
        end = end_of(data, at)
        code = decode(data, at + 1)[0] if data[at] == 0 else None
        if code not in _SECTIONS:
            raise MalformedData("a message consists of sections")
        yield _SECTIONS[code], data[at:end]
        at = end


def _contents(data: bytes) -> Iterator[tuple[Section, Any]]:
    for code, section in _sections(data):
        yield code, _content(section)


def _content(section: bytes) -> Any:
    return decode(section)[0].value


def _with_application_properties(bare: bytes, more: dict[str, str]) -> bytes:
    before, after, merged = bytearray(), bytearray(), dict[Any, Any](more)
    for code, section in _sections(bare):
        if code is Section.APPLICATION_PROPERTIES:
            merged = (_content(section) or {}) | more
        elif code < Section.APPLICATION_PROPERTIES:
            before += section
        else:
            after += section
    return bytes(before) + _section(Section.APPLICATION_PROPERTIES, merged) + bytes(after)
