"""Price scales on which stones are distributed about evenly, so that linear interpolation predicts counts well.

Without an inventory the scale is the logarithm of the price. With an inventory it is the share of its stones up to a
price: yesterday's feed predicts today's.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import log2
from typing import Protocol

import msgspec

from sync.planning.heatmap import ABOVE_ALL, BELOW_ALL

# Keeps the scale strictly rising between the prices of the inventory; small compared with a thousandth of the inventory.
_TILT = 1e-5


class PriceScale(Protocol):
    """A scale of whole dollars from `BELOW_ALL` to `ABOVE_ALL`."""

    @property
    def knows_heavy_prices(self) -> bool:
        """Whether `share_at` is known."""

    def mark(self, dollars: int) -> float:
        """Return the position of a price on the scale; it rises strictly with the price."""

    def share_at(self, dollars: int) -> float:
        """Return the expected share of all priced stones that cost exactly `dollars`."""


class LogarithmicPriceScale:
    """Logarithmic scale: doubling a price is the same distance everywhere."""

    knows_heavy_prices = False

    def mark(self, dollars: int) -> float:
        return log2(dollars + 2)

    def share_at(self, dollars: int) -> float:
        del dollars
        return 0.0


class HeldPrice(msgspec.Struct, frozen=True):
    """Stones of the inventory that cost more than `dollars - 1` and at most `dollars`, and those at exactly `dollars`."""

    dollars: int
    stones: int
    exact: int


class InventoryPriceScale:
    """Scale on which the stones of an inventory are distributed evenly."""

    knows_heavy_prices = True

    def __init__(self, held: Sequence[HeldPrice]) -> None:
        """`held`: one entry per whole dollar, in ascending order."""
        self._dollars = [price.dollars for price in held]
        self._exact = [price.exact for price in held]
        self._up_to = [0, *accumulate(price.stones for price in held)]

    def mark(self, dollars: int) -> float:
        share = self._up_to[bisect_right(self._dollars, dollars)] / self._up_to[-1]
        return share + _TILT * log2(dollars + 2)

    def share_at(self, dollars: int) -> float:
        place = bisect_right(self._dollars, dollars) - 1
        found = place >= 0 and self._dollars[place] == dollars
        return self._exact[place] / self._up_to[-1] if found else 0.0


def price_at(scale: PriceScale, mark: float) -> int:
    """Return the cheapest price whose mark is not below `mark`."""
    low, high = BELOW_ALL, ABOVE_ALL
    while high - low > 1:
        middle = (low + high) // 2
        if scale.mark(middle) < mark:
            low = middle
        else:
            high = middle
    return high
