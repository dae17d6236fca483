"""Conversion of database records to diamonds, with one generated class for each list of selected columns.

A `Diamond` has more than fifty fields. Setting the fields that are not selected would cost more than reading the record.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import asyncpg
import msgspec

from inventory.catalog.diamond import COLUMNS, Diamond

# Maximum lists of columns, which clients determine by their selections.
_MAX_CLASSES = 1000

# Columns that are not selected are UNSET, and computed properties work, as in `Diamond`.
_Unselected: Any = msgspec.defstruct(
    "Diamond",
    (),
    namespace={
        **dict.fromkeys(COLUMNS, msgspec.UNSET),
        **{name: value for name, value in vars(Diamond).items() if isinstance(value, property)},
    },
    module=__name__,
    frozen=True,
)


def diamonds_of(records: Sequence[asyncpg.Record], *, before: int = 0, after: int = 0) -> list[Diamond]:
    """Convert records to diamonds. `before`, `after`: number of values of a record before and after its columns."""
    if not records:
        return []
    names = tuple(records[0].keys())
    kind = _class_of(names[before : len(names) - after])
    if before or after:
        end = len(names) - after
        return cast("list[Diamond]", [kind(*record[before:end]) for record in records])
    return cast("list[Diamond]", [kind(*record) for record in records])


@lru_cache(_MAX_CLASSES)
def _class_of(columns: tuple[str, ...]) -> Any:
    return msgspec.defstruct("Diamond", [(name, Any) for name in columns], bases=(_Unselected,), frozen=True)
