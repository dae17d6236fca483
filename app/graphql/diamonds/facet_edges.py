"""Custom buckets of facets: where the buckets of a histogram begin."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import strawberry
from strawberry import UNSET

from app.graphql.arguments import given_or_none
from app.graphql.scalars import Cents
from inventory.catalog.facets import Edges
from inventory.core.errors import ValidationFailed

_MAX_EDGES = 50
_LARGEST = 10**15


@strawberry.input(description=f"First values of buckets, ascending; at most {_MAX_EDGES} for each histogram.")
class DiamondFacetEdges:
    price: list[Cents] | None = strawberry.field(default=UNSET, description="Retail prices in cents.")
    carat: list[float] | None = strawberry.field(default=UNSET, description="Weights in carats.")
    ratio: list[float] | None = strawberry.field(default=UNSET, description="Ratios.")
    table_percent: list[float] | None = strawberry.field(default=UNSET, description="Tables in percent.")
    depth_percent: list[float] | None = strawberry.field(default=UNSET, description="Depths in percent.")
    delivery_days: list[int] | None = strawberry.field(default=UNSET, description="Business days.")


def read_edges(given: DiamondFacetEdges | None) -> Edges:
    """Convert edges to the units of the catalog.

    Raises:
        ValidationFailed: names each invalid list.
    """
    if given is None:
        return {}
    problems: dict[str, str] = {}
    lists: Sequence[tuple[str, str, Sequence[Any] | None, Callable[[Any], int]]] = (
        ("retail_price_cents", "price", given.price, int),
        ("carat_milli", "carat", given.carat, _milli),
        ("ratio_milli", "ratio", given.ratio, _milli),
        ("table_milli", "tablePercent", given.table_percent, _milli),
        ("depth_milli", "depthPercent", given.depth_percent, _milli),
        ("delivery_max_days", "deliveryDays", given.delivery_days, int),
    )
    found = {}
    for column, name, values, convert in lists:
        if given_or_none(values) is None:
            continue
        edges = [convert(value) for value in values or () if 0 <= value <= _LARGEST]
        if not 1 <= len(values or ()) <= _MAX_EDGES:
            problems[f"edges.{name}"] = f"should contain 1 to {_MAX_EDGES} values"
        elif len(edges) < len(values or ()) or edges != sorted(set(edges)):
            problems[f"edges.{name}"] = "should contain ascending values, each once and not negative"
        found[column] = edges
    if problems:
        raise ValidationFailed(problems)
    return found


def _milli(value: float) -> int:
    return math.ceil(Decimal(repr(value)) * 1000)
