"""Filters of the feed: build the supplier's `DiamondQuery` from the members that its schema offers."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, TypeVar

import msgspec

from inventory.core.errors import SupplierSchemaChanged
from inventory.suppliers.nivoda.schema_view import SchemaView
from inventory.suppliers.ports import StoneQuery

Dimension = Literal["dollar_value", "dollar_per_carat"]
LookupBy = Literal["filter_ids", "ids", "single"]

LARGEST_INT = 2**31 - 1
"""The upper end of an open range: the largest `Int` of GraphQL."""

_MARKUP = "search_on_markup_price"
_ORIGIN = "labgrown"
_CARATS = "sizes"
_CHANGED = "updated"

Number = TypeVar("Number", int, Decimal)


def filter_fields(view: SchemaView) -> frozenset[str]:
    """Return the filters that both pages and counts accept."""
    pages, counts = (
        view.input_fields("as", name, argument="query") for name in ("diamonds_by_query", "diamonds_by_query_count")
    )
    return pages & counts


def lookup_by(view: SchemaView) -> LookupBy:
    """Return the method for lookups by id."""
    fields = filter_fields(view)
    if "filter_ids" in fields:
        return "filter_ids"
    return "ids" if "ids" in fields else "single"


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """Filters that a schema offers."""

    price: bool
    carats: bool
    origin: bool
    changed: bool
    lookup: LookupBy
    differences: tuple[str, ...]


def offered(view: SchemaView, dimension: Dimension) -> Offered:
    """Determine the filters that a view offers and those that it lacks."""
    fields = filter_fields(view)
    by = lookup_by(view)
    lacks = {
        dimension: "the feed can't be divided by it",
        _CARATS: "a price with many stones can't be divided by weight",
        _ORIGIN: "natural and lab-grown stones can't be read apart",
        _CHANGED: "every run reads the whole feed",
        _MARKUP: "prices are compared as the supplier does by default",
    }
    found = [f"DiamondQuery.{name} is not offered; {effect}" for name, effect in lacks.items() if name not in fields]
    if by != "filter_ids":
        instead = "ids is used" if by == "ids" else "stones are looked up one by one"
        found.append(f"DiamondQuery.filter_ids is not offered; {instead}")
    return Offered(
        price=dimension in fields,
        carats=_CARATS in fields,
        origin=_ORIGIN in fields,
        changed=_CHANGED in fields,
        lookup=by,
        differences=tuple(found),
    )


def probe(view: SchemaView, dimension: Dimension) -> dict[str, object]:
    """Build a `DiamondQuery` with every used filter that a view offers. No stone matches it."""
    ids = ["00000000-0000-4000-8000-000000000000"]
    filters: dict[str, object] = {
        dimension: {"from": 0, "to": 0},
        _CARATS: [{"from": 0.0, "to": 0.0}],
        _ORIGIN: True,
        _CHANGED: {"from": "2000-01-01T00:00:00Z", "to": "2000-01-01T00:00:01Z"},
        _MARKUP: False,
    }
    if (by := lookup_by(view)) != "single":
        filters[by] = ids
    fields = filter_fields(view)
    return {name: value for name, value in filters.items() if name in fields}


class FeedFilter(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the feed: by a query, or exactly the stones with these ids."""

    dimension: Dimension
    query: StoneQuery = StoneQuery()
    stone_ids: tuple[str, ...] = ()

    def build(self, view: SchemaView) -> dict[str, object]:
        """Build the `DiamondQuery`. Both ends of every numeric range are sent, because the supplier requires them.

        Raises:
            SupplierSchemaChanged: the view lacks a required filter.
        """
        fields = filter_fields(view)
        found = dict(self._by_ids(view) if self.stone_ids else self._by_query())
        for name in found:
            if name not in fields:
                raise SupplierSchemaChanged(self._lacking(name, fields))
        if _MARKUP in fields:
            found[_MARKUP] = False
        return found

    def _by_ids(self, view: SchemaView) -> dict[str, object]:
        by = lookup_by(view)
        return {"filter_ids" if by == "single" else by: list(self.stone_ids)}

    def _by_query(self) -> dict[str, object]:
        query = self.query
        found: dict[str, object] = {}
        if query.price_from is not None or query.price_to is not None:
            found[self.dimension] = {"from": query.price_from or 0, "to": _or_largest(query.price_to)}
        if query.carats_from is not None or query.carats_to is not None:
            found[_CARATS] = [{"from": float(query.carats_from or 0), "to": float(_or_largest(query.carats_to))}]
        if query.cross_from is not None or query.cross_to is not None:
            found |= self._cross(query.cross_from or 0, _or_largest(query.cross_to))
        if query.lab_grown is not None:
            found[_ORIGIN] = query.lab_grown
        if query.updated_from is not None or query.updated_to is not None:
            ends = (("from", query.updated_from), ("to", query.updated_to))
            found[_CHANGED] = {name: _iso(instant) for name, instant in ends if instant is not None}
        return found

    def _cross(self, low: int, high: int) -> dict[str, object]:
        if self.dimension == "dollar_per_carat":
            return {"dollar_value": {"from": low, "to": high}}
        return {_CARATS: [{"from": low / 100, "to": high / 100}]}

    def _lacking(self, name: str, fields: frozenset[str]) -> str:
        message = f"The supplier's schema lacks what is required: the filter DiamondQuery.{name}"
        other = "dollar_per_carat" if self.dimension == "dollar_value" else "dollar_value"
        if name == self.dimension and other in fields:
            return f"{message}. Set NIVODA_PARTITION_DIMENSION={other}"
        return message


def _or_largest(end: Number | None) -> Number | int:
    return LARGEST_INT if end is None else end


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
