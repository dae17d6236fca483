"""AMQP 1.0 types without a Python equivalent. Each behaves as the Python type that it extends."""

from typing import Any, NamedTuple


class Symbol(str):
    """Symbol: ASCII text from a constrained domain."""

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
    """-2^31 to 2^31 - 1. A plain `int` is encoded as a long."""


class Timestamp(int):
    """Milliseconds since the Unix epoch."""


class Float(float):
    """IEEE 754 binary32. A plain `float` is encoded as a double."""

    __slots__ = ()


class Verbatim(bytes):
    """An encoded value with its constructor, forwarded unchanged."""

    __slots__ = ()


class Array(list[Any]):
    """Values of one type, encoded with one constructor."""

    __slots__ = ()


class Described(NamedTuple):
    """A value with the descriptor of its meaning."""

    descriptor: int | str
    value: Any
