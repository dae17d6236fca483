"""Search for even price bands: choose the next prices to count until the bands are even enough for the counts spent."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from sync.planning.cut_points import CutPoint, PriceSlice, least_possible, slices
from sync.planning.heatmap import ABOVE_ALL, BELOW_ALL, Heatmap, PriceRange
from sync.planning.interpolation import Curve, beside_round_price, gap_of, interpolate, middle
from sync.planning.partition import Dimension
from sync.planning.price_scale import PriceScale, price_at

# The first counts without an inventory: usual prices, and usual prices per carat.
_FIRST_LOOK: Mapping[Dimension, tuple[int, ...]] = {
    "dollar_value": (102, 253, 604, 1_502, 4_003, 10_002, 40_003),
    "dollar_per_carat": (504, 1_202, 2_003, 2_804, 4_003, 6_002, 12_003),
}

# Points of a curve without counts: its two ends.
_UNCOUNTED = 2
# Accepted ratio of the largest band to the mean: at first, and when all counts are spent.
_AIM = 1.06
_AIM_SPENT = 1.25
# Accepted distance of an edge from its target (in mean bands).
_NEAR = 0.025
# A price is counted before it becomes an edge if more stones than this (in mean bands) may be read twice there.
_HEAVY = 0.15
_VERY_HEAVY = 0.5
# A largest band within this factor of the lower bound cannot be made much smaller.
_NEAR_BOUND = 1.03
# Counts reserved for edges where many stones may be read twice.
_RESERVE = 5
# The share of the budget after which known prices within the large bands help more than better edges near the targets,
# and how large (in mean bands) a band may be for that.
_LATE = 0.65
_ROUGH = 1.5
# Tries after which an edge is searched by halving: interpolation fails at a price with many stones.
_PATIENCE = 3
# Usual last digits of prices: an edge at such a price reads more stones twice than an edge beside it.
_LIKED_ENDINGS = frozenset({0, 5, 9})
# Prices counted concurrently between two known ones while the scale is not trusted.
_CAUTIOUS = 2


class CountSearch:
    """Proposes counts (`next_counts`), records their answers (`record`), and computes the `best` bands so far."""

    def __init__(
        self, heatmap: Heatmap, scale: PriceScale, parts: int, *, budget: int, dimension: Dimension = "dollar_value"
    ) -> None:
        """`parts`: number of bands. `budget`: largest number of counts."""
        self._heatmap = heatmap
        self._scale = scale
        self._dimension = dimension
        self._parts = parts
        self._mean = heatmap.priced / parts
        self._budget = budget
        # Whether the scale predicts well enough to search every edge concurrently; updated from the counts.
        self._trusted = scale.knows_heavy_prices
        self._informed = scale.knows_heavy_prices or len(heatmap.curve()) > _UNCOUNTED
        self._targets = [heatmap.priced * part / parts for part in range(1, parts)]
        self._tries = dict.fromkeys(self._targets, 0)
        self._predicted: dict[int, float] = {}
        self.used = 0

    def best(self, parts: int | None = None) -> list[PriceSlice]:
        """Return the most even bands over the counted prices, at most `parts`."""
        points = [
            CutPoint(dollars, up_to, 0 if dollars in {BELOW_ALL, ABOVE_ALL} else self._read_twice(dollars))
            for dollars, up_to in self._heatmap.curve()
        ]
        return slices(points, parts or self._parts)

    def next_counts(self) -> tuple[PriceRange, ...]:
        """Return the next counts; none if the bands are even enough, or cannot be made more even."""
        left = self._budget - self.used
        if left <= 0:
            return ()
        if not self._informed:
            return tuple(PriceRange(price_to=dollars) for dollars in _FIRST_LOOK[self._dimension][:left])
        best = self.best()
        large = self._large(best)
        heavy, doubtful = self._uncertain_edges([part.low.dollars for part in best[1:]])
        probes = [PriceRange(price_to=dollars) for dollars in (self._probes(large) if large else [])]
        # An edge where many stones are read twice enlarges the bands on both sides, so the last counts are for edges.
        if probes and left > min(len(doubtful), _RESERVE):
            return (*_exactly(heavy), *probes)[: left - min(len(doubtful), _RESERVE)]
        return (*_exactly(heavy), *_exactly(doubtful))[:left]

    def _large(self, best: Sequence[PriceSlice]) -> list[PriceSlice]:
        """The bands that are too large for the counts spent so far, and may become smaller."""
        aim = (_AIM + (_AIM_SPENT - _AIM) * (self.used / self._budget) ** 2) * self._mean
        bound = _NEAR_BOUND * least_possible(self._heatmap.curve(), self._parts)
        return [
            part
            for part in best
            if part.stones > aim
            and (part.stones > bound or (part.stones > _AIM_SPENT * self._mean and not self._holds_heavy_price(part)))
        ]

    def _holds_heavy_price(self, part: PriceSlice) -> bool:
        heaviest = self._heatmap.heaviest_dollar(part.low.dollars, part.high.dollars)
        return heaviest > _VERY_HEAVY * self._mean

    def edge_counts(self, most: int) -> tuple[PriceRange, ...]:
        """Return the counts of the edges whose stones decide whether a band holds more than `most` stones."""
        edges = [
            part.low.dollars
            for part in self.best()[1:]
            if self._heatmap.at(part.low.dollars) is None
            and part.high.up_to - part.low.up_to + self._heatmap.at_most(part.low.dollars) > most
        ]
        return _exactly(edges)

    def _uncertain_edges(self, edges: Sequence[int]) -> tuple[list[int], list[int]]:
        """The edges where many stones may be read twice: those whose neighbouring counts show it, and the others."""
        uncertain = [dollars for dollars in edges if self._may_be_heavy(dollars)]
        heavy = [
            dollars
            for dollars in uncertain
            if self._heatmap.knows(dollars - 1) and self._heatmap.at_most(dollars) > _VERY_HEAVY * self._mean
        ]
        return heavy, [dollars for dollars in uncertain if dollars not in heavy]

    def record(self, ranges: Sequence[PriceRange], counts: Sequence[int]) -> None:
        """Record the answers of counts.

        Raises:
            CoverageUnproven: the counts contradict each other.
        """
        misses = []
        for price, count in zip(ranges, counts, strict=True):
            if price.price_to is None:
                raise ValueError("the search does not count ranges with an open upper end")
            if price.price_from is None:
                self._heatmap.record_up_to(price.price_to, count)
                if price.price_to in self._predicted:
                    misses.append(abs(self._predicted[price.price_to] - count))
            else:
                self._heatmap.record_at(price.price_to, count)
        if misses:
            self._trusted = sorted(misses)[len(misses) // 2] < self._mean
        self._predicted.clear()
        self._informed = True
        self.used += len(counts)

    def _probes(self, large: Sequence[PriceSlice]) -> list[int]:
        """Prices to count, so that the large bands can be divided more evenly."""
        late = self.used > _LATE * self._budget and max(part.stones for part in large) < _ROUGH * self._mean
        if late:
            return self._within(large) or self._near_targets(large)
        return self._near_targets(large) or self._within(large)

    def _near_targets(self, large: Sequence[PriceSlice]) -> list[int]:
        """Prices near the targets of even edges."""
        curve = self._heatmap.curve()
        open_targets = [target for target in self._targets if not self._settled(target, curve)]
        inside = [t for t in open_targets if any(part.low.up_to < t < part.high.up_to for part in large)]
        gaps: dict[int, list[float]] = {}
        for target in inside or open_targets:
            gaps.setdefault(gap_of(curve, target), []).append(target)
        probes = []
        for gap, targets in gaps.items():
            chosen = targets if self._trusted else _spread(targets, _CAUTIOUS)
            probes += [self._probe(curve, gap, target) for target in chosen]
        return sorted({dollars for dollars in probes if not self._heatmap.knows(dollars)})

    def _within(self, large: Sequence[PriceSlice]) -> list[int]:
        """The middle price of the fullest gap within each large band.

        Groups of equal prices and edges that are read twice make uneven targets better than even ones. Only more counted
        prices show which.
        """
        curve = self._heatmap.curve()
        probes = set()
        for part in large:
            inside = [
                gap
                for gap, ((low, below), (high, up_to)) in enumerate(pairwise(curve))
                if part.low.dollars <= low < high <= part.high.dollars and high - low > 1 and up_to > below
            ]
            if inside:
                gap = max(inside, key=lambda gap: curve[gap + 1][1] - curve[gap][1])
                probes.add(self._halfway(curve, gap))
        return sorted(probes)

    def _halfway(self, curve: Curve, gap: int) -> int:
        (low, below), (high, up_to) = curve[gap], curve[gap + 1]
        dollars = price_at(self._scale, interpolate(curve, gap, (below + up_to) / 2, self._scale))
        return min(max(self._least_repeated(dollars, low, high), low + 1), high - 1)

    def _settled(self, target: float, curve: Curve) -> bool:
        """Whether an edge is near enough to the target, or no price is left to count in between."""
        near = _NEAR * self._mean
        below = gap_of(curve, target)
        for dollars, up_to in curve[max(1, below - 1) : below + 3]:
            if dollars != ABOVE_ALL and abs(up_to - target) + self._read_twice(dollars) <= near:
                return True
        return curve[below + 1][0] - curve[below][0] <= 1

    def _probe(self, curve: Curve, gap: int, target: float) -> int:
        """A price inside the gap at which F is expected to be `target`."""
        (low, _), (high, _) = curve[gap], curve[gap + 1]
        self._tries[target] += 1
        spent = self._tries[target] - _PATIENCE
        if spent > 0:
            dollars = beside_round_price(self._scale, low, high) if spent % 2 else middle(self._scale, low, high)
        else:
            dollars = price_at(self._scale, interpolate(curve, gap, target, self._scale))
            dollars = self._least_repeated(dollars, low, high)
        dollars = min(max(dollars, low + 1), high - 1)
        self._predicted[dollars] = target
        return dollars

    def _least_repeated(self, dollars: int, low: int, high: int) -> int:
        """The price near `dollars` at which the scale expects the fewest stones to be read twice."""
        around = [near for near in range(dollars - 2, dollars + 3) if low < near < high]
        return min(
            around,
            key=lambda near: (self._scale.share_at(near), near % 10 in _LIKED_ENDINGS, abs(near - dollars)),
            default=dollars,
        )

    def _read_twice(self, dollars: int) -> int:
        known = self._heatmap.at(dollars)
        if known is not None:
            return known
        return min(round(self._scale.share_at(dollars) * self._heatmap.priced), self._heatmap.at_most(dollars))

    def _may_be_heavy(self, dollars: int) -> bool:
        if self._heatmap.at(dollars) is not None or (self._scale.knows_heavy_prices and self._trusted):
            return False
        return self._heatmap.at_most(dollars) > _HEAVY * self._mean


def _exactly(prices: Iterable[int]) -> tuple[PriceRange, ...]:
    return tuple(PriceRange(price_from=dollars, price_to=dollars) for dollars in prices)


def _spread(targets: Sequence[float], most: int) -> Iterable[float]:
    """Choose at most `most` of the targets, evenly distributed."""
    count = min(most, len(targets))
    return [targets[(2 * place + 1) * len(targets) // (2 * count)] for place in range(count)]
