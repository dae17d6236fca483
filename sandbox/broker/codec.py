"""AMQP 1.0 codec: encodes and decodes the type system (OASIS AMQP 1.0, part 1).

Decoding keeps the AMQP types (a uint becomes `UInt`, a symbol `Symbol`), so that a value can be forwarded unchanged. The
high half of a constructor byte encodes the width of a value, which makes skipping a value cheap.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from sandbox.broker.values import (
    Array,
    Byte,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
    Verbatim,
)


class MalformedData(ValueError):
    """The bytes are not valid AMQP 1.0."""


_MAX_DEPTH: Final = 32
_DESCRIBED: Final = 0x00
_NULL: Final = 0x40
_SMALL: Final = 255  # maximum count and size of the short encodings

_UINT32: Final = struct.Struct(">I")

_WIDTHS: Final = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_COUNTED: Final = {0xA: 1, 0xC: 1, 0xE: 1, 0xB: 4, 0xD: 4, 0xF: 4}


def end_of(data: bytes, at: int, depth: int = 0) -> int:
    """Return the end position of the value at `at` without decoding it.

    Raises:
        MalformedData: there is no complete value at `at`.
    """
    if at >= len(data) or depth > _MAX_DEPTH:
        raise MalformedData("a value is missing or nested too deeply")
    constructor = data[at]
    if constructor == _DESCRIBED:
        return end_of(data, end_of(data, at + 1, depth + 1), depth + 1)
    end = _end_of_content(data, at + 1, constructor)
    if end > len(data):
        raise MalformedData("a value is truncated")
    return end


def _end_of_content(data: bytes, at: int, constructor: int) -> int:
    kind = constructor >> 4
    if kind in _WIDTHS:
        return at + _WIDTHS[kind]
    if kind not in _COUNTED:
        raise MalformedData(f"no type has the constructor 0x{constructor:02x}")
    width = _COUNTED[kind]
    return at + width + int.from_bytes(data[at : at + width], "big")


def decode(data: bytes, at: int = 0, depth: int = 0) -> tuple[Any, int]:
    """Decode the value at `at`. Return the value and its end position.

    Raises:
        MalformedData: there is no complete value at `at`.
    """
    end = end_of(data, at, depth)
    constructor = data[at]
    if constructor == _DESCRIBED:
        descriptor, middle = decode(data, at + 1, depth + 1)
        return Described(descriptor, decode(data, middle, depth + 1)[0]), end
    return _content(data, at + 1, end, constructor, depth), end


def _content(data: bytes, at: int, end: int, constructor: int, depth: int) -> Any:
    reader = _READERS.get(constructor)
    if reader is None:
        return Verbatim(data[at - 1 : end])  # decimals and chars are forwarded without decoding
    try:
        return reader(data, at, end, depth)
    except UnicodeDecodeError as error:
        raise MalformedData("a string is not valid in its encoding") from error


def _constant(value: Any) -> "_Reader":
    return lambda _data, _at, _end, _depth: value


def _number(kind: type, form: str) -> "_Reader":
    unpack = struct.Struct(form).unpack_from
    return lambda data, at, _end, _depth: kind(unpack(data, at)[0])


def _bytes(convert: Callable[[bytes], Any], width: int) -> "_Reader":
    return lambda data, at, end, _depth: convert(data[at + width : end])


def _symbol(data: bytes) -> Symbol:
    return Symbol(data.decode("ascii"))


def _count(data: bytes, at: int, end: int, width: int) -> tuple[int, int]:
    """Return the item count of a compound value and the position of its first item."""
    count, first = int.from_bytes(data[at + width : at + 2 * width], "big"), at + 2 * width
    if count > max(end - first, 0):
        raise MalformedData("more items than bytes")
    return count, first


def _sequence(width: int) -> "_Reader":
    def read(data: bytes, at: int, end: int, depth: int) -> list[Any]:
        count, at = _count(data, at, end, width)
        items = []
        for _ in range(count):
            item, at = decode(data, at, depth + 1)
            items.append(item)
        if at > end:
            raise MalformedData("an item reaches beyond its list")
        return items

    return read


def _mapping(width: int) -> "_Reader":
    read_items = _sequence(width)

    def read(data: bytes, at: int, end: int, depth: int) -> dict[Any, Any]:
        items = read_items(data, at, end, depth)
        try:
            return dict(zip(items[::2], items[1::2], strict=True))
        except (TypeError, ValueError) as error:
            raise MalformedData("a map has a key without a value, or a compound key") from error

    return read


def _array(width: int) -> "_Reader":
    def read(data: bytes, at: int, end: int, depth: int) -> Array:
        count, at = _count(data, at, end, width)
        items = Array()
        if not count:
            return items
        constructor = data[at]
        if constructor == _DESCRIBED:
            raise MalformedData("arrays of described values are not supported")
        at += 1
        for _ in range(count):
            after = _end_of_content(data, at, constructor)
            if after > end:
                raise MalformedData("an item reaches beyond its array")
            items.append(_content(data, at, after, constructor, depth + 1))
            at = after
        return items

    return read


_Reader = Callable[[bytes, int, int, int], Any]
_READERS: Final[dict[int, _Reader]] = {
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(UInt(0)),
    0x44: _constant(ULong(0)),
    0x45: lambda _data, _at, _end, _depth: [],
    0x50: _number(UByte, ">B"),
    0x51: _number(Byte, ">b"),
    0x52: _number(UInt, ">B"),
    0x53: _number(ULong, ">B"),
    0x54: _number(Int, ">b"),
    0x55: _number(int, ">b"),
    0x56: _number(bool, ">B"),
    0x60: _number(UShort, ">H"),
    0x61: _number(Short, ">h"),
    0x70: _number(UInt, ">I"),
    0x71: _number(Int, ">i"),
    0x72: _number(Float, ">f"),
    0x80: _number(ULong, ">Q"),
    0x81: _number(int, ">q"),
    0x82: _number(float, ">d"),
    0x83: _number(Timestamp, ">q"),
    0x98: lambda data, at, end, _depth: UUID(bytes=data[at:end]),
    0xA0: _bytes(bytes, 1),
    0xA1: _bytes(bytes.decode, 1),
    0xA3: _bytes(_symbol, 1),
    0xB0: _bytes(bytes, 4),
    0xB1: _bytes(bytes.decode, 4),
    0xB3: _bytes(_symbol, 4),
    0xC0: _sequence(1),
    0xC1: _mapping(1),
    0xD0: _sequence(4),
    0xD1: _mapping(4),
    0xE0: _array(1),
    0xF0: _array(4),
}


def encode(value: Any) -> bytes:
    """Encode a value in the shortest form of its type.

    Raises:
        TypeError: AMQP has no type for the value.
    """
    try:
        encoder = _ENCODERS[type(value)]
    except KeyError:
        raise TypeError(f"AMQP has no type for a {type(value).__name__}") from None
    return encoder(value)


def _fixed(constructor: int, form: str, *, small: tuple[int, str, int, int] | None = None) -> Callable[[Any], bytes]:
    wide = struct.Struct(f">B{form}").pack
    if small is None:
        return lambda value: wide(constructor, value)
    short_constructor, short_form, lowest, highest = small
    short = struct.Struct(f">B{short_form}").pack

    def shortest(value: int) -> bytes:
        return short(short_constructor, value) if lowest <= value <= highest else wide(constructor, value)

    return shortest


def _variable(constructor: int, data: bytes) -> bytes:
    if len(data) <= _SMALL:
        return bytes((constructor, len(data))) + data
    return bytes((constructor | 0x10,)) + _UINT32.pack(len(data)) + data


def _compound(constructor: int, count: int, content: bytes) -> bytes:
    if count <= _SMALL and len(content) < _SMALL:
        return bytes((constructor, len(content) + 1, count)) + content
    return bytes((constructor | 0x10,)) + _UINT32.pack(len(content) + 4) + _UINT32.pack(count) + content


def _list(items: Sequence[Any]) -> bytes:
    return _compound(0xC0, len(items), b"".join(map(encode, items))) if items else b"\x45"


def _map(items: dict[Any, Any]) -> bytes:
    return _compound(0xC1, 2 * len(items), b"".join(encode(key) + encode(item) for key, item in items.items()))


def _homogeneous(items: Array) -> bytes:
    # All elements share one constructor, so each uses the widest form of its type.
    kinds = {type(item) for item in items}
    if not kinds:
        return _compound(0xE0, 0, bytes((_NULL,)))
    if len(kinds) > 1:
        raise TypeError("an array holds values of one type")
    constructor, widest = _IN_ARRAYS[kinds.pop()]
    return _compound(0xE0, len(items), bytes((constructor,)) + b"".join(map(widest, items)))


def _counted(data: bytes) -> bytes:
    return _UINT32.pack(len(data)) + data


_IN_ARRAYS: Final[dict[type, tuple[int, Callable[[Any], bytes]]]] = {
    int: (0x81, struct.Struct(">q").pack),
    Timestamp: (0x83, struct.Struct(">q").pack),
    UUID: (0x98, lambda value: value.bytes),
    Symbol: (0xB3, lambda value: _counted(value.encode("ascii"))),
    str: (0xB1, lambda value: _counted(value.encode())),
}
_ENCODERS: Final[dict[type, Callable[[Any], bytes]]] = {
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    UByte: _fixed(0x50, "B"),
    Byte: _fixed(0x51, "b"),
    UShort: _fixed(0x60, "H"),
    Short: _fixed(0x61, "h"),
    UInt: _fixed(0x70, "I", small=(0x52, "B", 0, 255)),
    Int: _fixed(0x71, "i", small=(0x54, "b", -128, 127)),
    ULong: _fixed(0x80, "Q", small=(0x53, "B", 0, 255)),
    int: _fixed(0x81, "q", small=(0x55, "b", -128, 127)),
    Timestamp: _fixed(0x83, "q"),
    Float: _fixed(0x72, "f"),
    float: _fixed(0x82, "d"),
    UUID: lambda value: b"\x98" + value.bytes,
    bytes: lambda value: _variable(0xA0, value),
    str: lambda value: _variable(0xA1, value.encode()),
    Symbol: lambda value: _variable(0xA3, value.encode("ascii")),
    list: _list,
    dict: _map,
    Array: _homogeneous,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
    Verbatim: bytes,
}
