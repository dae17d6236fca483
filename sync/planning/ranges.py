"""Price and carat ranges by which a repair divides a query."""

from decimal import Decimal

import msgspec

LARGEST_DOLLARS = 2**31 - 1
CENTS = 100
LOWEST_WEIGHT = -1
"""The lower edge of all weights."""
_HALF_MILLI = Decimal("0.0005")


class DollarRange(msgspec.Struct, frozen=True):
    """Whole US dollars from `low` to `high`."""

    low: int
    high: int

    @property
    def divisible(self) -> bool:
        """Whether a whole dollar lies between the ends."""
        return self.high - self.low > 1

    def __str__(self) -> str:
        return f"${self.low}" if self.low == self.high else f"${self.low} to ${self.high}"


class CaratRange(msgspec.Struct, frozen=True):
    """Weights between two edges in thousandths of a carat, each edge half a thousandth above the number; None is open."""

    low: int | None = None
    high: int | None = None

    def holds(self, carats: int | None) -> bool:
        """Whether a weight (thousandths of a carat) is in the range. A listing without a weight is in the open range only."""
        if self.low is None and self.high is None:
            return True
        return (
            carats is not None
            and (self.low is None or carats > self.low)
            and (self.high is None or carats <= self.high)
        )

    def divided_by(self, edge: int) -> bool:
        """Whether an edge lies inside the range."""
        return (self.low is None or self.low < edge) and (self.high is None or edge < self.high)

    def halved(self) -> list[int]:
        """The middle edge of a range in which no weight is known; empty if the range is indivisible."""
        low = max(0, self.low or 0)
        high = 2 * low + 2_000 if self.high is None else self.high
        middle = (low + high) // 2
        return [middle] if low < middle < high else []


ALL_WEIGHTS = CaratRange()


def geometric_middle(low: int, high: int) -> int:
    """A price between two others, nearer to the lower one, because prices are sparser the higher they are."""
    return max(low + 1, min(high - 1, int(max(low, 1) ** 0.5 * high**0.5)))


def dollars_around(cents: int) -> DollarRange:
    """The whole dollars on both sides of a price."""
    return DollarRange(cents // CENTS, -(-cents // CENTS))


def edge_in_carats(milli: int) -> Decimal:
    """An edge of a `CaratRange` in carats, as the supplier filters by it."""
    return Decimal(0) if milli == LOWEST_WEIGHT else Decimal(milli) / 1000 + _HALF_MILLI
