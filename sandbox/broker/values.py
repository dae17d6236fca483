"""The types that AMQP has and Python lacks. Each behaves as the Python type it extends."""

from typing import Any, NamedTuple


class Symbol(str):
    """Text from a fixed vocabulary, ASCII on the wire."""

    __slots__ = ()


class UByte(int):
    """0 to 255."""


class UShort(int):
    """0 to 65,535."""


class UInt(int):
    """0 to 2^32 - 1."""


class ULong(int):
    """0 to 2^64 - 1."""


class Byte(int):
    """-128 to 127."""


class Short(int):
    """-32,768 to 32,767."""


class Int(int):
    """-2^31 to 2^31 - 1. A plain `int` is sent as a long."""


class Timestamp(int):
    """Milliseconds since the Unix epoch."""


class Float(float):
    """IEEE 754 binary32. A plain `float` is sent as a double."""

    __slots__ = ()


class Verbatim(bytes):
    """A whole encoded value, constructor included: sent as it stands."""

    __slots__ = ()


class Array(list[Any]):
    """Values of one type, which stands once in front."""

    __slots__ = ()


class Described(NamedTuple):
    """A value with a descriptor that says what it means."""

    descriptor: int | str
    value: Any
