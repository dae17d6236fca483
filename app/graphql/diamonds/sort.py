"""Sort order of the search: its input, and the conversion."""

from collections.abc import Mapping, Sequence
from enum import Enum

import strawberry

from inventory.catalog import search
from inventory.catalog.search import SortKey, SortOrder

MAX_SORTS = 3


@strawberry.enum(description="Sort keys. Diamonds without a value come last in both directions.")
class DiamondSortField(Enum):
    PRICE = strawberry.enum_value("PRICE", description="Retail price.")
    CARAT = strawberry.enum_value("CARAT", description="Weight.")
    PRICE_PER_CARAT = strawberry.enum_value("PRICE_PER_CARAT", description="Retail price per carat.")
    COLOR = strawberry.enum_value("COLOR", description="Colour grade; ascending is D, E, F.")
    CLARITY = strawberry.enum_value("CLARITY", description="Clarity grade; ascending is FL, IF, VVS1.")
    CREATED_AT = strawberry.enum_value(
        "CREATED_AT", description="Time of entry into the inventory; descending is newest first."
    )
    RATING = strawberry.enum_value("RATING", description="Rating; descending is best first.")
    CUT = strawberry.enum_value("CUT", description="Cut grade; ascending is the best first.")
    RATIO = strawberry.enum_value("RATIO", description="Ratio of length and width. Hidden measurements come last.")
    DELIVERY = strawberry.enum_value("DELIVERY", description="Delivery time: most business days.")
    SUPPLIER_PRICE = strawberry.enum_value(
        "SUPPLIER_PRICE", description="Price of the supplier. Needs the scope `prices:supplier`."
    )


_SORTS: Mapping[DiamondSortField, SortKey] = {
    DiamondSortField.PRICE: search.RETAIL_PRICE,
    DiamondSortField.CARAT: search.CARAT,
    DiamondSortField.PRICE_PER_CARAT: search.RETAIL_PER_CARAT,
    DiamondSortField.COLOR: search.COLOR,
    DiamondSortField.CLARITY: search.CLARITY,
    DiamondSortField.CREATED_AT: search.CREATED,
    DiamondSortField.RATING: search.RATING,
    DiamondSortField.CUT: search.CUT,
    DiamondSortField.RATIO: search.RATIO,
    DiamondSortField.DELIVERY: search.DELIVERY,
    DiamondSortField.SUPPLIER_PRICE: search.SUPPLIER_PRICE,
}


@strawberry.enum(description="Direction of a sort.")
class SortDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Smallest, oldest or best first.")
    DESC = strawberry.enum_value("DESC", description="Largest, newest or lowest grade first.")


@strawberry.input(
    description="Sort key and direction. Of several, each orders the diamonds that are equal in those before; equal ones are sorted by id."
)
class DiamondSort:
    by: DiamondSortField = strawberry.field(description="Sort key.")
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description="Direction.")


def read_order(sorts: Sequence[DiamondSort] | None, problems: dict[str, str]) -> SortOrder:
    """Convert a sort order; by retail price if none is given. Problems are collected under `sort`."""
    if not sorts:
        return SortOrder(search.RETAIL_PRICE)
    if len(sorts) > MAX_SORTS:
        problems["sort"] = f"should contain at most {MAX_SORTS} keys"
    elif len({sort.by for sort in sorts}) < len(sorts):
        problems["sort"] = "should contain each key once"
    first, *then = [SortOrder(_SORTS[one.by], descending=one.direction is SortDirection.DESC) for one in sorts]
    return SortOrder(first.sort, first.descending, tuple(then))
