"""Values of settings: conversion of text to a type, limits, and secrets."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from inventory.core.tls import Tls


class SecretStr:
    """A text that appears neither in `repr` nor in logs."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """`text`: the secret."""
        self._text = text

    def get_secret_value(self) -> str:
        """Return the secret."""
        return self._text

    def __len__(self) -> int:
        """Length of the secret. An empty one is false."""
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        """Whether both secrets are the same."""
        return isinstance(other, SecretStr) and self._text == other._text

    def __hash__(self) -> int:
        """Hash of the secret."""
        return hash(self._text)

    def __repr__(self) -> str:
        """Return no part of the secret."""
        return "SecretStr('**********')"

    __str__ = __repr__


class Checked(NamedTuple):
    """Metadata of a type: a function that returns the valid value, or raises `ValueError` with the problem."""

    check: Callable[[Any, Tls], Any]


class Setting(msgspec.Struct, frozen=True):
    """Declaration of a setting: its help text, a valid value, its variable, and the limits of its value."""

    description: str
    example: str = ""
    variable: str | None = None
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    pattern: str | None = None

    def check(self, value: Any) -> None:
        """Check the limits.

        Raises:
            ValueError: the value is outside them; the message is the problem.
        """
        if self.ge is not None and value < self.ge:
            raise ValueError(f"input should be greater than or equal to {self.ge}")
        if self.gt is not None and value <= self.gt:
            raise ValueError(f"input should be greater than {self.gt}")
        if self.le is not None and value > self.le:
            raise ValueError(f"input should be less than or equal to {self.le}")
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            raise ValueError(f"string should match pattern '{self.pattern}'")


def converted(kind: Any, value: Any, tls: Tls) -> Any:
    """Convert the text of a variable, or an argument, to a type, and run the checks of the type.

    `tls`: whether addresses of servers need TLS.

    Raises:
        ValueError: the value is not valid; the message is the problem.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        result = converted(arguments[0], value, tls)
        for each in arguments[1:]:
            if isinstance(each, Checked):
                result = each.check(result, tls)
        return result
    if origin in {Union, UnionType}:
        if value is None:
            return None
        (present,) = (one for one in arguments if one is not type(None))
        return converted(present, value, tls)
    if origin is Literal:
        return _choice(arguments, value)
    return _CONVERSIONS[kind](value)


def is_secret(kind: Any) -> bool:
    """Whether values of a type are secrets."""
    return kind is SecretStr or any(is_secret(inner) for inner in get_args(kind))


def _choice(choices: Sequence[str], value: object) -> object:
    if value not in choices:
        *others, last = (f"'{choice}'" for choice in choices)
        raise ValueError(f"input should be {', '.join(others)} or {last}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("input should be a valid string")  # noqa: TRY004 - a problem of the value, reported as the others
    return value


def _secret(value: object) -> SecretStr:
    return value if isinstance(value, SecretStr) else SecretStr(_text(value))


def _integer(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("input should be a valid integer") from None
    if isinstance(value, float) and value != number:
        raise ValueError("input should be a valid integer")
    return number


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("input should be a valid number") from None
    if not math.isfinite(number):
        raise ValueError("input should be a finite number")
    return number


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    found = _BOOLEANS.get(str(value).strip().lower())
    if found is None:
        raise ValueError("input should be a valid boolean, such as true or false")
    return found


_BOOLEANS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
_CONVERSIONS: Final[Mapping[Any, Callable[[Any], Any]]] = {
    str: _text,
    SecretStr: _secret,
    int: _integer,
    float: _number,
    bool: _boolean,
}
