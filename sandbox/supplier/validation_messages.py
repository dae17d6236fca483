"""Validation error messages in the wording of graphql-js, which the supplier's server uses.

A client that cannot introspect detects missing fields by these messages. The simulator validates with graphql-core, whose
wording differs.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLSchema

_MAX_VALUE_LENGTH = 200
_VARIABLE = re.compile(
    r"Variable '\$(?P<name>\w+)' has invalid value(?: at (?P<path>\.[^:]+))?: (?P<what>.*)", re.DOTALL
)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_QUOTED = re.compile(r"'([^']*)'")
_UNKNOWN = re.compile(
    r"Expected value of type '(\w+)' not to include unknown field '(\w+)'(?:, found: .*|\.( Did you mean .*\?) Found: .*)",
    re.DOTALL,
)
_REQUIRED = re.compile(r"Expected value of type '(\w+)' to include required field '(\w+)'(?:, found: .*)?", re.DOTALL)
_NOT_OBJECT = re.compile(r"Expected value of type '(\w+)' to be an object.*", re.DOTALL)
_MISSING = re.compile(r"Expected a value of non-null type '([^']+)' to be provided\.")
_NULL = re.compile(r"Expected value of non-null type '([^']+)' not to be None\.")
_ARGUMENT = re.compile(r"Argument '\w+\.(\w+)\((\w+):\)' of type '([^']+)' is required, but it was not provided\.")


def as_graphql_js(message: str, schema: GraphQLSchema, variables: Mapping[str, Any] | None = None) -> str:
    """Translate a graphql-core message about a document or its variables to the wording of graphql-js."""
    found = _VARIABLE.fullmatch(message)
    if found is None:
        return _about(message, schema, of_variable=False)
    name, path, what = found["name"], found["path"] or "", found["what"]
    if not path and (missing := _MISSING.fullmatch(what)):
        return f'Variable "${name}" of required type "{missing[1]}" was not provided.'
    if not path and (null := _NULL.fullmatch(what)):
        return f'Variable "${name}" of non-null type "{null[1]}" must not be null.'
    value = json.dumps(_value_at((variables or {}).get(name), path), default=str)[:_MAX_VALUE_LENGTH]
    place = f' at "{name}{path}"' if path else ""
    return f'Variable "${name}" got invalid value {value}{place}; {_about(what, schema, of_variable=True)}'


def _about(message: str, schema: GraphQLSchema, *, of_variable: bool) -> str:
    def required(found: re.Match[str]) -> str:
        kind = schema.type_map.get(found[1])
        type_name = kind.fields[found[2]].type if isinstance(kind, GraphQLInputObjectType) else ""
        name = found[2] if of_variable else f"{found[1]}.{found[2]}"
        return f'Field "{name}" of required type "{type_name}" was not provided.'

    wordings: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
        (_UNKNOWN, lambda found: f'Field "{found[2]}" is not defined by type "{found[1]}".{quoted(found[3] or "")}'),
        (_REQUIRED, required),
        (_NOT_OBJECT, lambda found: f'Expected type "{found[1]}" to be an object.'),
        (_NULL, lambda found: f'Expected non-nullable type "{found[1]}" not to be null.'),
        (
            _ARGUMENT,
            lambda found: (
                f'Field "{found[1]}" argument "{found[2]}" of type "{found[3]}" is required, but it was not provided.'
            ),
        ),
    )
    for pattern, wording in wordings:
        if found := pattern.fullmatch(message):
            return wording(found)
    return quoted(message)


def quoted(message: str) -> str:
    """Replace single quotes around names and values by double quotes."""
    return _QUOTED.sub(r'"\1"', message)


def _value_at(value: Any, path: str) -> Any:
    for name, place in _STEP.findall(path):
        try:
            value = value[int(place)] if place else value[name]
        except (KeyError, IndexError, TypeError):
            return value
    return value
