"""Columns of the search index: dictionary-encoded values and integers, each in the smallest sufficient integer type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from inventory.core.lean_imports import lazy_module

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Integers = NDArray[np.int64]
    Array = NDArray[Any]
else:
    # The thread of the index imports numpy, so that the start of the API does not wait for it.
    np = lazy_module("numpy")
    Mask = Integers = Array = Any

# Up to this number of values, comparison with each value is faster than a lookup table.
_COMPARED = 8
_SIGNED = ("int8", "int16", "int32", "int64")
_UNSIGNED = ("uint8", "uint16", "uint32")


class DictionaryColumn:
    """Dictionary-encoded values. Code 0 is NULL."""

    def __init__(self) -> None:
        self.values: list[Any] = [None]
        self._codes: dict[Any, int] = {None: 0}
        self.codes: Array = np.empty(0, np.uint8)

    def encode(self, values: Sequence[Any]) -> Array:
        """Encode values. A new value gets the next code."""
        codes = self._codes
        for value in set(values).difference(codes):
            codes[value] = len(self.values)
            self.values.append(value)
        kind = next(kind for kind in _UNSIGNED if len(self.values) - 1 <= np.iinfo(kind).max)
        return np.fromiter((codes[value] for value in values), kind, len(values))

    def where(self, fits: Callable[[Any], bool]) -> Mask:
        """Select the rows whose value satisfies a predicate. NULL never matches."""
        wanted = [code for code, value in enumerate(self.values) if code and fits(value)]
        if len(wanted) > _COMPARED:
            table = np.zeros(len(self.values), np.bool_)
            table[wanted] = True
            return table[self.codes]
        mask = np.zeros(len(self.codes), np.bool_)
        for code in wanted:
            mask |= self.codes == code
        return mask

    def counts(self, rows: Array) -> dict[Any, int]:
        """Count rows by value."""
        numbers = np.bincount(self.codes[rows], minlength=len(self.values)).tolist()
        return {value: number for value, number in zip(self.values, numbers, strict=True) if number}

    def integers(self, rows: Array, null: int) -> Integers:
        """Return the integer values of rows. `null`: substitute for NULL."""
        values = np.array([null if value is None else value for value in self.values], np.int64)
        return values[self.codes[rows]]

    @property
    def data(self) -> Array:
        """The stored array."""
        return self.codes

    @data.setter
    def data(self, codes: Array) -> None:
        self.codes = codes


class IntegerColumn:
    """Integers. NULL is the smallest number of the type."""

    def __init__(self) -> None:
        self.numbers: Array = np.empty(0, np.int8)

    def encode(self, values: Sequence[int | None]) -> Array:
        """Encode values as an array of the smallest sufficient type."""
        present = [value for value in values if value is not None]
        low, high = min(present, default=0), max(present, default=0)
        kind = next(kind for kind in _SIGNED if np.iinfo(kind).min < low and high <= np.iinfo(kind).max)
        null = np.iinfo(kind).min
        return np.array([null if value is None else value for value in values], kind)

    def between(self, low: int | None, high: int | None) -> Mask:
        """Select the rows with values from `low` to `high`, both inclusive. NULL never matches."""
        lowest = int(np.iinfo(self.numbers.dtype).min) + 1
        mask: Mask = self.numbers >= max(lowest, lowest if low is None else low)
        if high is not None:
            mask &= self.numbers <= high
        return mask

    def integers(self, rows: Array, null: int) -> Integers:
        """Return the values of rows. `null`: substitute for NULL."""
        found = self.numbers[rows]
        wide = found.astype(np.int64)
        wide[found == np.iinfo(found.dtype).min] = null
        return wide

    @property
    def data(self) -> Array:
        """The stored array."""
        return self.numbers

    @data.setter
    def data(self, numbers: Array) -> None:
        self.numbers = numbers


Column = DictionaryColumn | IntegerColumn


def widened(column: Column, stored: Array, kind: Any) -> Array:
    """Convert a stored array to a wider type. NULL of integers becomes the smallest number of that type."""
    if stored.dtype == kind:
        return stored
    wide = stored.astype(kind)
    if isinstance(column, IntegerColumn):
        wide[stored == np.iinfo(stored.dtype).min] = np.iinfo(kind).min
    return wide
