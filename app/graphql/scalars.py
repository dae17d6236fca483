"""Custom scalars of the schema."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NewType
from uuid import UUID

import msgspec
import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from app.graphql.selection_compiler import total

Cents = NewType("Cents", int)

# Exact in clients that read numbers as doubles, and far above any price.
_LARGEST_CENTS = 10**15 - 1
_encode = msgspec.json.Encoder().encode


def _parse_cents(value: object) -> int:
    if isinstance(value, float) and value.is_integer():  # as Int accepts 1.0
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST_CENTS:
        raise GraphQLError(f"Cents are a whole number from 0 to {_LARGEST_CENTS}.")
    return value


def _parse_uuid(value: object) -> UUID:
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise GraphQLError("A UUID looks like 123e4567-e89b-12d3-a456-426614174000.") from None


def _parse_instant(value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(value.upper()) if isinstance(value, str) else None
        if instant and instant.tzinfo:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise GraphQLError("A DateTime is ISO 8601 with a time zone, such as 2026-01-31T12:00:00Z.")


@total
def serialize_instant(value: datetime) -> str:
    """Write an instant in UTC, such as `2026-01-31T12:00:00Z`."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    # The same text as by `isoformat`, which takes longer.
    return _encode(value)[1:-1].decode()


SCALARS: Mapping[object, ScalarDefinition] = {
    Cents: strawberry.scalar(
        # Tools know this name and can generate values.
        name="Long",
        description="A whole number of up to 64 bits, for amounts of US cents: some stones cost more than 21 million "
        "dollars, the most that Int holds.",
        specified_by_url="https://scalars.graphql.org/jakobmerrild/long.html",
        serialize=int,
        parse_value=_parse_cents,
    ),
    UUID: strawberry.scalar(
        name="UUID",
        description="A UUID in its canonical form, such as `123e4567-e89b-12d3-a456-426614174000`.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc9562",
        serialize=str,
        parse_value=_parse_uuid,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant: ISO 8601, answered in UTC (`2026-01-31T12:00:00Z`), accepted with any time zone.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=serialize_instant,
        parse_value=_parse_instant,
    ),
}
