"""Validation of JSON objects: each wrong member with the values that it accepts, in words for clients."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

_ANY_TEXT = "^[^\\x00]*$"  # a text that Postgres can hold


def read_members(given: Mapping[str, Any], kind: type[msgspec.Struct]) -> tuple[dict[str, Any], dict[str, str]]:
    """Convert the members of a JSON object to the fields of a struct.

    Returns the values by field name, and the problems by member name: one for each member that is missing or wrong.
    """
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in given:
            if field.required:
                problems[field.encode_name] = "is required"
            continue
        try:
            values[field.name] = msgspec.convert(_whole(given[field.encode_name]), field.type)
        except msgspec.ValidationError:
            problems[field.encode_name] = f"should be {accepted(field.type)}"
    return values, problems


@cache
def accepted(kind: Any) -> str:
    """The values that a type accepts, such as `a whole number from 1 to 100`."""
    return _words(inspect.type_info(kind))


def _words(kind: inspect.Type) -> str:
    words: str
    match kind:
        case inspect.UnionType(types=types):
            words = " or ".join(_words(one) for one in types)
        case inspect.LiteralType(values=values):
            words = f"one of {', '.join(map(str, values))}"
        case inspect.StrType():
            words = _text(kind)
        case inspect.IntType(ge=low, le=high):
            words = f"a whole number{_between(low, high)}"
        case inspect.FloatType(ge=low, le=high):
            words = f"a number{_between(low, high)}"
        case _:
            words = _PLAIN[type(kind)]
    return words


def _text(kind: inspect.StrType) -> str:
    least, most = kind.min_length, kind.max_length
    length = f" of {least or 0} to {most} characters" if most else f" of at least {least} characters" if least else ""
    form = {None: "", _ANY_TEXT: " without the character NUL"}.get(kind.pattern, f" of the form {kind.pattern}")
    return f"a text{length}{form}"


def _between(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" of at least {low}" if low is not None else f" of at most {high}" if high is not None else ""


def _whole(value: Any) -> Any:
    """In JSON 1.0 is as whole as 1; a field that takes fractions takes either."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_PLAIN: Mapping[type[inspect.Type], str] = {
    inspect.NoneType: "null",
    inspect.BoolType: "true or false",
    inspect.UUIDType: "a UUID",
    inspect.DateTimeType: "an instant such as 2026-01-31T12:00:00Z",
    inspect.DictType: "an object",
    inspect.StructType: "an object",
    inspect.ListType: "a list",
    inspect.AnyType: "a value",
}
