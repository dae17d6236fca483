"""The body of a received AMQP message, whatever a sender made of it.

AMQP 1.0 has three kinds of bodies: data sections (bytes), sequence sections (lists) and one value of any type. The pipeline sends
data. A message of another kind is still received, listed and settled like any other.

The Azure client fails on a message that its decoder does not understand, such as one with a `char` (.NET) or with values
nested deeper than 64. It then loses the delivery or closes the link, so the message could neither be settled nor listed.
`install` replaces the decoder by one that hands such a message over with a body of the kind `undecodable`.
"""

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Literal

import msgspec
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus._pyamqp import _decode
from azure.servicebus._pyamqp.aio import _receiver_async
from azure.servicebus._transport import _pyamqp_transport
from azure.servicebus.amqp import AmqpMessageBodyType

BodyType = Literal["data", "sequence", "value", "none", "undecodable"]

_MAX_TEXT_LENGTH = 10_000  # characters of a body that is shown
_ESCAPED = frozenset({"Cc", "Cf", "Cs"})  # categories of characters that a terminal or the database does not take
# Sections that may stand before the body, by their descriptors: header to application properties.
_BEFORE_BODY = range(0x70, 0x75)
_SIZES = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}  # of a value, by the first digit of its constructor

Decode = Callable[[memoryview], Any]


class Undecodable(msgspec.Struct, frozen=True):
    """A message, or a part of it, that the client cannot decode."""

    reason: str
    encoded: bytes


class Body(msgspec.Struct, frozen=True):
    """A message's body. `data` is None unless it is of the type `data`; `text` is for display."""

    type: BodyType
    data: bytes | None
    text: str


def body_of(message: ServiceBusReceivedMessage) -> Body:
    """Return the body of a message, of whatever kind."""
    value = message.body
    if message.body_type is AmqpMessageBodyType.DATA:
        try:
            data = value if isinstance(value, bytes) else b"".join(value)
        except TypeError as error:  # a data section that holds no bytes
            return Body("undecodable", None, printable(str(error)))
        return Body("data", data, printable(data))
    if message.body_type is AmqpMessageBodyType.SEQUENCE:
        return Body("sequence", None, printable(repr(list(value))))
    if isinstance(value, Undecodable):
        return Body("undecodable", None, printable(f"{value.reason}: {value.encoded.hex()}"))
    if value is None:
        return Body("none", None, "")
    return Body("value", None, printable(repr(value)))


def printable(text: object) -> str:
    """Return a text of any origin in a form that a terminal, JSON and Postgres take: escaped, and of limited length."""
    if text is None:
        return ""
    known = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    rest = f"... ({len(known)} characters)" if len(known) > _MAX_TEXT_LENGTH else ""
    shown = known[:_MAX_TEXT_LENGTH]
    if all(map(str.isprintable, shown)):
        return shown + rest
    return "".join(_escaped(character) for character in shown) + rest


def _escaped(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _ESCAPED:
        return character
    return character.encode("unicode_escape").decode()


def tolerant(decode: Decode) -> Decode:
    """Return a decoder that hands over what `decode` fails on as `Undecodable`."""

    def decode_message(encoded: memoryview) -> Any:
        try:
            return decode(encoded)
        except Exception as error:  # noqa: BLE001 - a message of an unknown sender may cause any error
            undecodable = Undecodable(f"{type(error).__name__}: {error}", bytes(encoded))
            return _readable(encoded, decode)._replace(value=undecodable)

    return decode_message


def _readable(encoded: memoryview, decode: Decode) -> Any:
    """Decode the sections before the body that can be decoded, those of the broker among them."""
    good = b""
    for section in _sections(encoded):
        if section[2] in _BEFORE_BODY:
            with suppress(Exception):  # the other sections are decoded too
                decode(section)
                good += bytes(section)
    return decode(memoryview(good))


def _sections(encoded: memoryview) -> Iterator[memoryview]:
    """Cut a message into its sections, by their sizes alone; end where that is not possible."""
    at = 0
    while bytes(encoded[at : at + 2]) == b"\x00\x53" and len(encoded) > at + 3:
        constructor, value = encoded[at + 3], at + 4
        kind = constructor >> 4
        if kind in _SIZES:
            end = value + _SIZES[kind]
        else:  # variable width and compounds begin with their size, in one byte or in four
            width = 1 if kind in (0xA, 0xC, 0xE) else 4
            end = value + width + int.from_bytes(encoded[value : value + width])
        if end > len(encoded):
            return
        yield encoded[at:end]
        at = end


def install() -> None:
    """Patch the Azure client so that it returns messages that it cannot decode. Idempotent."""
    if not hasattr(_decode, "_tolerant"):
        _decode._tolerant = decoder = tolerant(_decode.decode_payload)  # type: ignore[attr-defined]  # noqa: SLF001
        _receiver_async.decode_payload = decoder  # type: ignore[attr-defined, assignment]
        _pyamqp_transport.decode_payload = decoder  # type: ignore[attr-defined, assignment]
