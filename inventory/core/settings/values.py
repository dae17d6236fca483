"""Values of settings: conversion of text to a type, limits, and secrets."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
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
    example: str
    variable: str | None
    limits: msgspec.Meta


def converted(kind: Any, given: object, limits: msgspec.Meta, tls: Tls) -> Any:
    """Convert the text of a variable, or an argument, to a type, and run the checks of the type.

    `tls`: whether addresses of servers need TLS.

    Raises:
        ValueError: the value is not valid; the message is the problem, without the value.
    """
    plain, optional, checks = _resolved(kind)
    if given is None and optional:
        return None
    if isinstance(given, str) and plain in _SPELLINGS:
        with suppress(ValueError, KeyError):
            given = _SPELLINGS[plain](given)
    try:
        value = msgspec.convert(given, Annotated[plain, limits], strict=False, dec_hook=_secret)
    except msgspec.ValidationError as error:
        raise ValueError(_problem(plain, str(error))) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("should be a finite number")
    for each in checks:
        value = each.check(value, tls)
    return value


def is_secret(kind: Any) -> bool:
    """Whether values of a type are secrets."""
    return kind is SecretStr or any(is_secret(inner) for inner in get_args(kind))


def _resolved(kind: Any) -> tuple[Any, bool, Sequence[Checked]]:
    """The type without None and metadata, whether it may be None, and its checks."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        plain, optional, checks = _resolved(arguments[0])
        return plain, optional, [*checks, *(each for each in arguments[1:] if isinstance(each, Checked))]
    if origin in {Union, UnionType}:
        (present,) = (one for one in arguments if one is not type(None))
        plain, _, checks = _resolved(present)
        return plain, True, checks
    return kind, False, []


def _boolean(given: str) -> bool:
    return _BOOLEANS[given.strip().lower()]


def _secret(_kind: type, given: object) -> SecretStr:
    if isinstance(given, SecretStr):
        return given
    if not isinstance(given, str):
        raise TypeError("Expected `SecretStr`")  # as msgspec reports it
    return SecretStr(given)


def _problem(kind: Any, message: str) -> str:
    """Describe an error of msgspec for operators."""
    if get_origin(kind) is Literal:
        *others, last = (f"'{choice}'" for choice in get_args(kind))
        return f"should be {', '.join(others)} or {last}"
    if "regex" in message:
        return "does not have the form of the example"
    expected, _, _ = message.partition(", got ")
    return expected.replace(f"Expected `{kind.__name__}`", f"should be {_NOUNS[kind]}")


_BOOLEANS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
# Texts of the environment, which may be written in more ways than in JSON: .5, 08, yes.
_SPELLINGS: Final[Mapping[Any, Callable[[str], object]]] = {int: int, float: float, bool: _boolean}
_NOUNS: Final = {int: "an integer", float: "a number", bool: "true or false", str: "a text", SecretStr: "a text"}
