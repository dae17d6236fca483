"""Heatmap of a feed: the cumulative number of stones by price, from the supplier's counts.

F(x), the count up to a whole dollar, includes the cents. So F(b) - F(a) is the exact number of stones with a price above
`a` and up to `b` dollars. Differences of neighbours add up to the total: no stone is lost between two bands.
"""

from bisect import bisect_left, bisect_right, insort
from itertools import pairwise

import msgspec

from inventory.core.errors import CoverageUnproven

# The supplier's filter is a 32-bit integer, so is a price in cents: no stone lies below the one or above the other.
BELOW_ALL = -1
ABOVE_ALL = 2**31 - 1

_DRIFT_STONES = 50
_DRIFT_SHARE = 0.01


class PriceRange(msgspec.Struct, frozen=True):
    """Price range of a count: whole US dollars, both ends inclusive, None is open.

    With both ends open no price is compared, and stones without a price count too. `lab_grown`: the origin, None for both.
    """

    price_from: int | None = None
    price_to: int | None = None
    lab_grown: bool | None = None


EVERYTHING = PriceRange()
PRICED = PriceRange(price_from=0)
NATURAL = PriceRange(lab_grown=False)
LAB_GROWN = PriceRange(lab_grown=True)


def drift_allowance(total: int) -> int:
    """Return the tolerated contradiction between two counts: stones come and go in between."""
    return max(_DRIFT_STONES, round(total * _DRIFT_SHARE))


class Heatmap:
    """Cumulative counts of the priced stones, and numbers of stones at exact dollar prices."""

    def __init__(self, total: int, priced: int) -> None:
        """`total`: the unfiltered count. `priced`: the count of everything from 0 dollars on.

        Raises:
            CoverageUnproven: more stones have a price than there are stones.
        """
        self.total = total
        self.priced = priced
        self.drift = drift_allowance(max(total, priced))
        self._dollars = [BELOW_ALL, ABOVE_ALL]
        self._counted = {BELOW_ALL: 0, ABOVE_ALL: priced}
        self._at = dict[int, int]()
        if priced > total + self.drift:
            self._contradiction("more stones have a price than there are", total=total, priced=priced)

    def record_up_to(self, dollars: int, count: int) -> None:
        """Record F(dollars).

        Raises:
            CoverageUnproven: the count contradicts earlier counts by more than drift can explain.
        """
        if dollars not in self._counted:
            insort(self._dollars, dollars)
        self._counted[dollars] = count
        here = self._dollars.index(dollars)
        for cheaper in self._dollars[:here]:
            if self._counted[cheaper] > count + self.drift:
                self._falls(cheaper, dollars)
        for dearer in self._dollars[here + 1 :]:
            if count > self._counted[dearer] + self.drift:
                self._falls(dollars, dearer)

    def record_at(self, dollars: int, count: int) -> None:
        """Record the number of stones that cost exactly `dollars`, to the cent. An edge there reads them twice."""
        self._at[dollars] = count

    def record_from(self, dollars: int, count: int) -> None:
        """Record the number of stones that cost `dollars` or more. With F(dollars) it must cover all priced stones.

        Raises:
            CoverageUnproven: a stone at the edge is in neither half.
        """
        if self.up_to(dollars) + count < self.priced - self.drift:
            self._contradiction(
                f"the stones up to {dollars} dollars and those from {dollars} dollars are not all priced stones",
                up_to=self.up_to(dollars),
                from_there=count,
                priced=self.priced,
            )

    def knows(self, dollars: int) -> bool:
        """Whether F(dollars) was counted."""
        return dollars in self._counted

    def curve(self) -> list[tuple[int, int]]:
        """Return (dollars, stones up to there), rising, from (BELOW_ALL, 0) to (ABOVE_ALL, priced).

        A count that drift made smaller than a cheaper one is raised to it.
        """
        points, highest = [], 0
        for dollars in self._dollars:
            highest = min(max(highest, self._counted[dollars]), self.priced)
            points.append((dollars, highest))
        return points

    def up_to(self, dollars: int) -> int:
        """Return F(dollars) of a counted price, on the rising curve."""
        return min(max(self._counted[cheaper] for cheaper in self._upto(dollars)), self.priced)

    def at(self, dollars: int) -> int | None:
        """Return the number of stones that cost exactly `dollars`, to the cent; None if it was not counted."""
        return self._at.get(dollars)

    def at_most(self, dollars: int) -> int:
        """Return the upper bound of the stones that cost exactly `dollars`, for a counted price."""
        known = self.at(dollars)
        if known is not None:
            return known
        below = self._dollars[bisect_left(self._dollars, dollars) - 1]
        return self.up_to(dollars) - self.up_to(below)

    def heaviest_dollar(self, low: int, high: int) -> int:
        """Return the largest number of stones at one dollar between two counted prices. Prices are rounded up."""
        inside = [dollars for dollars in self._dollars if low <= dollars <= high]
        return max(
            (self.up_to(dear) - self.up_to(cheap) for cheap, dear in pairwise(inside) if dear - cheap == 1), default=0
        )

    def _upto(self, dollars: int) -> list[int]:
        return self._dollars[: bisect_right(self._dollars, dollars)]

    def _falls(self, cheaper: int, dearer: int) -> None:
        self._contradiction(
            f"more stones cost at most {cheaper} dollars than at most {dearer}",
            cheaper=self._counted[cheaper],
            dearer=self._counted[dearer],
        )

    def _contradiction(self, reason: str, **figures: int) -> None:
        listed = ", ".join(f"{name} {figure}" for name, figure in figures.items())
        raise CoverageUnproven(
            f"the supplier's counts contradict each other: {reason} ({listed}; {self.drift} may drift)",
            details={**figures, "drift": self.drift},
        )
