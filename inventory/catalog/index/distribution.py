"""Rows that match a search, and the distribution of their values, for facets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from inventory.catalog.facets import SHARES, Histogram, histogram
from inventory.core.lean_imports import lazy_module

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Array = NDArray[np.integer]
else:
    np = lazy_module("numpy")  # see inventory.catalog.index.columns


class Matches(NamedTuple):
    """Rows that match a search. If most rows match, the counts of the others are subtracted from those of all rows.

    `rows`: the matching rows, or, with `inverted`, the others. `mask` selects the matching rows if `inverted`.
    """

    rows: Array
    inverted: bool = False
    mask: Mask | None = None

    @classmethod
    def of(cls, rows: Array, size: int) -> Matches:
        """Represent the smaller part of `size` rows."""
        if 2 * len(rows) <= size:
            return cls(rows)
        mask = np.zeros(size, np.bool_)
        mask[rows] = True
        return cls(np.flatnonzero(~mask), inverted=True, mask=mask)

    def values(self, stored: Array) -> Array:
        """Return the values of the matching rows."""
        return stored.take(self.rows) if self.mask is None else stored[self.mask]


class Distribution(NamedTuple):
    """Values in ascending order, without NULL. `ends`: number of rows up to each of them."""

    values: Array
    ends: Array

    def histogram(self, edges: Sequence[int]) -> Histogram:
        """Count the rows between edges, and find the quantiles."""
        size = int(self.ends[-1]) if len(self.ends) else 0
        if not size:
            return Histogram()
        below = np.concatenate(([0], self.ends))[np.searchsorted(self.values, edges)].tolist()
        numbers = (end - start for start, end in pairwise((0, *below, size)))
        # As percentile_disc: the first value whose cumulative share is at least the rank.
        ranks = [max(1, math.ceil(share * size)) for share in SHARES]
        quantiles = self.values[np.searchsorted(self.ends, ranks)].tolist()
        return histogram(edges, {bucket: number for bucket, number in enumerate(numbers) if number}, quantiles)
