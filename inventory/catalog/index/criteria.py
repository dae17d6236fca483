"""Evaluation of search criteria and sorts on the columns of the search index."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from inventory.catalog import grades
from inventory.catalog.index.columns import Column, DictionaryColumn, IntegerColumn, Mask
from inventory.catalog.search import (
    CARAT,
    CLARITY,
    COLOR,
    CREATED,
    CUT,
    DELIVERY,
    RATING,
    RATIO,
    RETAIL_PER_CARAT,
    RETAIL_PRICE,
    SUPPLIER_PRICE,
    DiamondCriteria,
    NumericRange,
    SortKey,
)
from inventory.core.lean_imports import lazy_module

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy_module("numpy")  # see inventory.catalog.index.columns

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_TEXTS = (
    "supplier", "shape", "fluorescence_color", "fancy_color", "fancy_intensity", "fancy_overtone", "growth_method",
    "certificate_lab", "availability",
)  # fmt: skip
_GRADES: Mapping[str, Mapping[str, int]] = {
    "color": grades.ranks(grades.COLORS),
    "clarity": grades.ranks(grades.CLARITIES),
    "cut": grades.ranks(grades.CUTS),
    "polish": grades.ranks(grades.FINISHES),
    "symmetry": grades.ranks(grades.FINISHES),
    "fluorescence": grades.ranks(grades.FLUORESCENCES),
}
_FLAGS = (
    "lab_grown", "treated", "eye_clean", "brown_tinge", "green_tinge", "milky", "certificate_hidden",
    "measurements_hidden", "has_image", "has_video", "has_spin",
)  # fmt: skip
_INSTANTS = {"created_since": "created_at", "updated_since": "updated_at"}

_NUMBERS = ("rating", "delivery_max_days", "return_days")

# Columns of the index, in the order of its statement `rows`. Ranks are for sorts.
ENCODED: Sequence[str] = (
    *_TEXTS, *_GRADES, "color_rank", "clarity_rank", "cut_rank", *_NUMBERS, *_FLAGS,
)  # fmt: skip
INTEGERS: Sequence[str] = (
    "carat_milli", "retail_price_cents", "supplier_price_cents", "retail_per_carat_cents", "length_milli", "width_milli",
    "height_milli", "ratio_milli", "table_milli", "depth_milli", "created_at", "updated_at",
)  # fmt: skip

_SORTED: Mapping[int, str] = {
    CREATED.code: "created_at",
    RETAIL_PRICE.code: "retail_price_cents",
    CARAT.code: "carat_milli",
    RETAIL_PER_CARAT.code: "retail_per_carat_cents",
    COLOR.code: "color_rank",
    CLARITY.code: "clarity_rank",
    RATING.code: "rating",
    SUPPLIER_PRICE.code: "supplier_price_cents",
    CUT.code: "cut_rank",
    RATIO.code: "ratio_milli",
    DELIVERY.code: "delivery_max_days",
}
# Criteria with few matches, which Postgres finds by an index.
_NOT_INDEXED = ("ids", "certificate_number", "stock_number", "number_prefix")
_ANYTHING = NumericRange()

Columns = Mapping[str, Column]


def answers(criteria: DiamondCriteria) -> bool:
    """Whether the index supports all criteria."""
    parts = [criteria] if criteria.exclude is None else [criteria, criteria.exclude]
    return all(getattr(part, name) is None for part in parts for name in _NOT_INDEXED)


def sort_column(sort: SortKey) -> str:
    """Column of a sort."""
    return _SORTED[sort.code]


def mask_of(columns: Columns, criteria: DiamondCriteria, leaving: Collection[str] = ()) -> Mask | None:
    """Select the rows that match all criteria except those in `leaving`. Returns None if all rows match."""
    mask: Mask | None = None
    for name in DiamondCriteria.__struct_fields__:
        value = getattr(criteria, name)
        # A range that is open at both ends also matches NULL.
        if value is not None and value != _ANYTHING and name not in leaving:
            found = _mask(columns, name, value)
            if mask is None:
                mask = found
            else:
                mask &= found
    return mask


def hidden_measurements(columns: Columns) -> Mask:
    """Select the rows whose measurements are hidden."""
    return _mask(columns, "measurements_hidden", value=True)


def _mask(columns: Columns, name: str, value: Any) -> Mask:  # noqa: PLR0911 - one return for each kind of criterion
    if name == "exclude":
        return ~_any(columns, value)
    if name in _GRADES:
        scale, wanted = _GRADES[name], set(value)
        others = grades.OTHER in wanted
        return _encoded(columns[name], lambda stored: stored in wanted if stored in scale else others)
    if name in _TEXTS:
        return _encoded(columns[name], set(value).__contains__)
    if name in _FLAGS:
        return _encoded(columns[name], lambda stored: stored is value)
    if name in _INSTANTS:
        return _integers(columns[_INSTANTS[name]], (value - _EPOCH) // _MICROSECOND, None)
    assert isinstance(value, NumericRange)  # noqa: S101 - by the type of the criteria
    if name in _NUMBERS:
        return _encoded(columns[name], lambda stored: _within(stored, value))
    return _integers(columns[name], value.min, value.max)


def _any(columns: Columns, criteria: DiamondCriteria) -> Mask:
    """Select the rows that match at least one criterion."""
    met = np.zeros(len(columns["shape"].data), np.bool_)
    for name in DiamondCriteria.__struct_fields__:
        value = getattr(criteria, name)
        if value == _ANYTHING:
            met[:] = True
        elif value is not None:
            met |= _mask(columns, name, value)
    return met


def _within(stored: int, wanted: NumericRange) -> bool:
    return (wanted.min is None or stored >= wanted.min) and (wanted.max is None or stored <= wanted.max)


def _encoded(column: Column, fits: Callable[[Any], bool]) -> Mask:
    assert isinstance(column, DictionaryColumn)  # noqa: S101 - by the columns' definition
    return column.where(fits)


def _integers(column: Column, low: int | None, high: int | None) -> Mask:
    assert isinstance(column, IntegerColumn)  # noqa: S101 - by the columns' definition
    return column.between(low, high)
