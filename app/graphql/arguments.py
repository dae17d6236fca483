"""Arguments that several fields share: optional values and ranges."""

import math
from decimal import Decimal
from typing import TypeVar

import strawberry
from strawberry import UNSET

from app.graphql.scalars import Cents
from inventory.catalog.search import NumericRange

T = TypeVar("T")


def given_or_none(value: T | None) -> T | None:
    """The value of an optional argument; None if the client left it out."""
    return None if value is UNSET else value


@strawberry.input(description="A range of prices. Both ends belong to it; an end that is left out is open.")
class CentsRange:
    min: Cents | None = strawberry.field(default=UNSET, description="At least this many cents.")
    max: Cents | None = strawberry.field(default=UNSET, description="At most this many cents.")


@strawberry.input(description="A range of sizes. Both ends belong to it; an end that is left out is open.")
class FloatRange:
    min: float | None = strawberry.field(default=UNSET, description="At least this.")
    max: float | None = strawberry.field(default=UNSET, description="At most this.")


@strawberry.input(description="A range of whole numbers. Both ends belong to it; an end that is left out is open.")
class IntRange:
    min: int | None = strawberry.field(default=UNSET, description="At least this.")
    max: int | None = strawberry.field(default=UNSET, description="At most this.")


def thousandths(ends: FloatRange) -> NumericRange:
    """The nearest thousandths inside a range, counted in decimals: 1.01 is 1010, not 1009."""
    smallest, largest = given_or_none(ends.min), given_or_none(ends.max)
    return NumericRange(
        None if smallest is None else math.ceil(Decimal(repr(smallest)) * 1000),
        None if largest is None else math.floor(Decimal(repr(largest)) * 1000),
    )
