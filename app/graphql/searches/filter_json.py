"""Conversion of a filter to JSON by the names of the schema, as a client sends it. Pure."""

from datetime import datetime
from enum import Enum
from typing import Any

from strawberry import UNSET
from strawberry.types.base import has_object_definition
from strawberry.utils.str_converters import to_camel_case

from app.graphql.diamonds.inputs import DiamondFilter


def filter_to_json(criteria: DiamondFilter) -> dict[str, Any]:
    """Return the criteria that a client gave. Passed to `diamonds(filter:)` unchanged, they find the same diamonds."""
    return _object_to_json(criteria)


def _object_to_json(given: Any) -> dict[str, Any]:
    return {
        declared.graphql_name or to_camel_case(declared.python_name): _to_json(value)
        for declared in given.__strawberry_definition__.fields
        if (value := getattr(given, declared.python_name)) is not UNSET
    }


def _to_json(value: Any) -> Any:
    if has_object_definition(value):
        return _object_to_json(value)
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if isinstance(value, Enum):
        return value.name
    return value.isoformat() if isinstance(value, datetime) else value
