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


@strawberry.input(description="Range of prices in cents, both ends inclusive. An omitted end is open.")
class CentsRange:
    min: Cents | None = strawberry.field(default=UNSET, description="Lowest price in cents.")
    max: Cents | None = strawberry.field(default=UNSET, description="Highest price in cents.")


@strawberry.input(description="Range of sizes, both ends inclusive. An omitted end is open.")
class FloatRange:
    min: float | None = strawberry.field(default=UNSET, description="Lowest value.")
    max: float | None = strawberry.field(default=UNSET, description="Highest value.")


@strawberry.input(description="Range of whole numbers, both ends inclusive. An omitted end is open.")
class IntRange:
    min: int | None = strawberry.field(default=UNSET, description="Lowest value.")
    max: int | None = strawberry.field(default=UNSET, description="Highest value.")


def thousandths(ends: FloatRange) -> NumericRange:
    """Convert a range to thousandths inside it. Decimal arithmetic: 1.01 is 1010, not 1009."""
    smallest, largest = given_or_none(ends.min), given_or_none(ends.max)
    return NumericRange(
        None if smallest is None else math.ceil(Decimal(repr(smallest)) * 1000),
        None if largest is None else math.floor(Decimal(repr(largest)) * 1000),
    )
