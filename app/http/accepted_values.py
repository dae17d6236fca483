"""JSON object validation: a message for each invalid member that describes the accepted values."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

_ANY_TEXT = "^[^\\x00]*$"  # Postgres text cannot hold NUL


def read_members(given: Mapping[str, Any], kind: type[msgspec.Struct]) -> tuple[dict[str, Any], dict[str, str]]:
    """Convert the members of a JSON object to the fields of a struct.

    Return the values by field name, and a problem by member name for each missing or invalid member.
    """
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in given:
            if field.required:
                problems[field.encode_name] = "is required"
            continue
        try:
            values[field.name] = msgspec.convert(_whole_float_to_int(given[field.encode_name]), field.type)
        except msgspec.ValidationError:
            problems[field.encode_name] = f"should be {accepted(field.type)}"
    return values, problems


@cache
def accepted(kind: Any) -> str:
    """Describe the values that a type accepts, such as `a whole number from 1 to 100`."""
    return _describe(inspect.type_info(kind))


def _describe(kind: inspect.Type) -> str:
    words: str
    match kind:
        case inspect.UnionType(types=types):
            words = " or ".join(_describe(member) for member in types)
        case inspect.LiteralType(values=values):
            words = f"one of {', '.join(map(str, values))}"
        case inspect.StrType():
            words = _describe_text(kind)
        case inspect.IntType(ge=low, le=high):
            words = f"a whole number{_describe_range(low, high)}"
        case inspect.FloatType(ge=low, le=high):
            words = f"a number{_describe_range(low, high)}"
        case _:
            words = _DESCRIPTIONS[type(kind)]
    return words


def _describe_text(kind: inspect.StrType) -> str:
    least, most = kind.min_length, kind.max_length
    length = f" of {least or 0} to {most} characters" if most else f" of at least {least} characters" if least else ""
    form = {None: "", _ANY_TEXT: " without the character NUL"}.get(kind.pattern, f" of the form {kind.pattern}")
    return f"a text{length}{form}"


def _describe_range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" of at least {low}" if low is not None else f" of at most {high}" if high is not None else ""


def _whole_float_to_int(value: Any) -> Any:
    """Convert a whole float to an int: 1.0 and 1 are the same JSON number. A float field accepts both."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_DESCRIPTIONS: Mapping[type[inspect.Type], str] = {
    inspect.NoneType: "null",
    inspect.BoolType: "true or false",
    inspect.UUIDType: "a UUID",
    inspect.DateTimeType: "an instant such as 2026-01-31T12:00:00Z",
    inspect.DictType: "an object",
    inspect.StructType: "an object",
    inspect.ListType: "a list",
    inspect.AnyType: "a value",
}
