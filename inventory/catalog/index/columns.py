"""Columns of the search index: dictionary-encoded values and integers, each in the smallest sufficient integer type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from inventory.catalog.index.distribution import Distribution, Matches
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
# For more rows than this and up to this number of values, counting each value is faster than one pass for all of them.
_MANY_ROWS = 20_000
_FEW_VALUES = 16
# Integers are counted by value if there are at least this many rows for each value of their range. The counts of a column then
# take at most 2 bytes for each row.
_ROWS_OF_VALUE = 4
# numpy sorts integers of 32 and 64 bits by vector instructions, and smaller ones several times slower.
_VECTOR_BYTES = 4
_SIGNED = ("int8", "int16", "int32", "int64")
_UNSIGNED = ("uint8", "uint16", "uint32")


class DictionaryColumn:
    """Dictionary-encoded values. Code 0 is NULL."""

    def __init__(self) -> None:
        self.values: list[Any] = [None]
        self._codes: dict[Any, int] = {None: 0}
        self.codes: Array = np.empty(0, np.uint8)
        self._totals: Array | None = None

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

    def counts(self, matches: Matches) -> Array:
        """Count rows by code, in the order of `values`."""
        if not matches.inverted:
            return self._counted(self.codes.take(matches.rows))
        if self._totals is None or len(self._totals) < len(self.values):
            self._totals = self._counted(self.codes)
        return self._totals - self._counted(self.codes.take(matches.rows))

    def distribution(self, matches: Matches) -> Distribution:
        """Find the distribution of integer values."""
        counts = self.counts(matches)
        codes = sorted((code for code in range(1, len(counts)) if counts[code]), key=self.values.__getitem__)
        return Distribution(np.array([self.values[code] for code in codes]), np.cumsum(counts[codes]))

    def integers(self, rows: Array, null: int) -> Integers:
        """Return the integer values of rows. `null`: substitute for NULL."""
        values = np.array([null if value is None else value for value in self.values], np.int64)
        return values[self.codes.take(rows)]

    def _counted(self, codes: Array) -> Array:
        size = len(self.values)
        if len(codes) > _MANY_ROWS and size <= _FEW_VALUES:
            return np.array([np.count_nonzero(codes == code) for code in range(size)])
        return np.bincount(codes, minlength=size)

    @property
    def nbytes(self) -> int:
        """Memory of the stored array and of the counts."""
        return self.codes.nbytes + (0 if self._totals is None else self._totals.nbytes)

    @property
    def data(self) -> Array:
        """The stored array."""
        return self.codes

    @data.setter
    def data(self, codes: Array) -> None:
        self.codes, self._totals = codes, None


class IntegerColumn:
    """Integers. NULL is the smallest number of the type."""

    def __init__(self) -> None:
        self.numbers: Array = np.empty(0, np.int8)
        self._totals: Array | None = None
        self._range: tuple[int, int] | None = None

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
        found = self.numbers.take(rows)
        wide = found.astype(np.int64)
        wide[found == np.iinfo(found.dtype).min] = null
        return wide

    def distribution(self, matches: Matches) -> Distribution:
        """Find the distribution of values."""
        low, high = self._ends()
        size = high - low + 1
        # Counting by value takes a pass over the range, too.
        if _ROWS_OF_VALUE * size <= len(self.numbers) and (matches.inverted or len(matches.rows) > size):
            return Distribution(np.arange(low, high + 1), np.cumsum(self._counts(matches, low, size)))
        found = matches.values(self.numbers)
        ordered = np.sort(found.astype(np.int32, copy=False) if found.itemsize < _VECTOR_BYTES else found)
        present = ordered[np.searchsorted(ordered, np.iinfo(found.dtype).min, side="right") :]
        return Distribution(present, np.arange(1, len(present) + 1))

    def _counts(self, matches: Matches, low: int, size: int) -> Array:
        """Count rows by value from `low`."""
        if not matches.inverted:
            return _counts_from(low, size, self.numbers.take(matches.rows))
        if self._totals is None:
            self._totals = _counts_from(low, size, self.numbers)
        return self._totals - _counts_from(low, size, self.numbers.take(matches.rows))

    def _ends(self) -> tuple[int, int]:
        """Smallest and largest value of all rows; 0 and -1 if all are NULL."""
        if self._range is None:
            null = np.iinfo(self.numbers.dtype).min
            high = int(self.numbers.max(initial=null))
            low = int(self.numbers.min(initial=high, where=self.numbers != null))
            self._range = (low, high) if high > null else (0, -1)
        return self._range

    @property
    def nbytes(self) -> int:
        """Memory of the stored array and of the counts."""
        return self.numbers.nbytes + (0 if self._totals is None else self._totals.nbytes)

    @property
    def data(self) -> Array:
        """The stored array."""
        return self.numbers

    @data.setter
    def data(self, numbers: Array) -> None:
        self.numbers, self._totals, self._range = numbers, None, None


Column = DictionaryColumn | IntegerColumn


def _counts_from(low: int, size: int, numbers: Array) -> Array:
    """Count the numbers from `low` to `low + size - 1` by value. NULL, which is smaller, is not counted."""
    wide = numbers.astype(np.int64)
    return np.bincount(np.maximum(wide, low - 1) - (low - 1), minlength=size + 1)[1:]


def widened(column: Column, stored: Array, kind: Any) -> Array:
    """Convert a stored array to a wider type. NULL of integers becomes the smallest number of that type."""
    if stored.dtype == kind:
        return stored
    wide = stored.astype(kind)
    if isinstance(column, IntegerColumn):
        wide[stored == np.iinfo(stored.dtype).min] = np.iinfo(kind).min
    return wide
