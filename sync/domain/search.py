"""The search for even bands: which prices to count next, until the bands are even enough for what they have cost."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from sync.domain.cuts import Knot, Slice, slices
from sync.domain.heatmap import ABOVE_ALL, BELOW_ALL, Heatmap, PriceRange
from sync.domain.ruler import Ruler, price_at

# A first look where nothing is known: where diamonds cost.
_FIRST_LOOK = (102, 253, 604, 1_502, 4_003, 10_002, 40_003)

# The largest band over the mean that is good enough: at first, and when all counts are spent.
_AIM = 1.06
_AIM_SPENT = 1.25
# An edge this near to where it should be (in mean bands) needs no better one.
_NEAR = 0.025
# A price where more than this (in mean bands) may be read twice is looked at before it becomes an edge.
_HEAVY = 0.15
# Tries after which an edge is looked for by halving: a price that holds many defeats every curve.
_PATIENCE = 3
# What makes a price round, roundest first; and how far from either end of a gap it must lie to be worth a count.
_ROUND = (1_000_000, 100_000, 10_000, 1_000, 500, 100, 50, 10, 1)
_MARGIN = 0.25
# People end prices in these digits, so a cut there would be read twice by more than one beside it.
_LIKED_ENDINGS = frozenset({0, 5, 9})
# Prices counted at once between two known ones, while the scale is not trusted.
_CAUTIOUS = 2


class Search:
    """Asks for counts through `wanted`, learns from them in `take_in`, and knows the `best` bands so far."""

    def __init__(self, heatmap: Heatmap, ruler: Ruler, parts: int, *, budget: int) -> None:
        """`parts`: bands that are wished for. `budget`: most counts that may be asked."""
        self._heatmap = heatmap
        self._ruler = ruler
        self._parts = parts
        self._mean = heatmap.priced / parts
        self._budget = budget
        # Whether the ruler foretells well enough to look for every edge at once; the counts will tell.
        self._trusted = ruler.knows_heavy_prices
        self._informed = ruler.knows_heavy_prices
        self._targets = [heatmap.priced * part / parts for part in range(1, parts)]
        self._tries = dict.fromkeys(self._targets, 0)
        self._foretold: dict[int, float] = {}
        self.used = 0

    def best(self, parts: int | None = None) -> list[Slice]:
        """The most even bands over what has been counted, `parts` at most."""
        knots = [
            Knot(dollars, up_to, 0 if dollars in {BELOW_ALL, ABOVE_ALL} else self._read_twice(dollars))
            for dollars, up_to in self._heatmap.curve()
        ]
        return slices(knots, parts or self._parts)

    def wanted(self) -> tuple[PriceRange, ...]:
        """The next counts; none when the bands are even enough, or can't be made more even."""
        left = self._budget - self.used
        if left <= 0:
            return ()
        if not self._informed:
            return tuple(PriceRange(price_to=dollars) for dollars in _FIRST_LOOK[:left])
        best = self.best()
        aim = (_AIM + (_AIM_SPENT - _AIM) * (self.used / self._budget) ** 2) * self._mean
        large = [part for part in best if part.stones > aim]
        probes = self._probes(large) if large else []
        if probes:
            return tuple(PriceRange(price_to=dollars) for dollars in probes[:left])
        edges = [part.low.dollars for part in best[1:]]
        unsure = [dollars for dollars in edges if self._may_be_heavy(dollars)]
        return tuple(PriceRange(price_from=dollars, price_to=dollars) for dollars in unsure[:left])

    def take_in(self, asked: Sequence[PriceRange], counts: Sequence[int]) -> None:
        """Learn what was counted.

        Raises:
            CoverageUnproven: the counts contradict each other.
        """
        misses = []
        for price, count in zip(asked, counts, strict=True):
            if price.price_to is None:
                raise ValueError("the search never asks for an open end above")
            if price.price_from is None:
                self._heatmap.record_up_to(price.price_to, count)
                if price.price_to in self._foretold:
                    misses.append(abs(self._foretold[price.price_to] - count))
            else:
                self._heatmap.record_at(price.price_to, count)
        if misses:
            self._trusted = sorted(misses)[len(misses) // 2] < self._mean
        self._foretold.clear()
        self._informed = True
        self.used += len(counts)

    def _probes(self, large: Sequence[Slice]) -> list[int]:
        """Prices to count, so that the large bands can be cut better."""
        curve = self._heatmap.curve()
        open_targets = [target for target in self._targets if not self._settled(target, curve)]
        inside = [t for t in open_targets if any(part.low.up_to < t < part.high.up_to for part in large)]
        gaps: dict[int, list[float]] = {}
        for target in inside or open_targets:
            gaps.setdefault(_gap(curve, target), []).append(target)
        probes = []
        for gap, targets in gaps.items():
            chosen = targets if self._trusted else _spread(targets, _CAUTIOUS)
            probes += [self._probe(curve, gap, target) for target in chosen]
        return sorted({dollars for dollars in probes if not self._heatmap.knows(dollars)})

    def _settled(self, target: float, curve: Sequence[tuple[int, int]]) -> bool:
        """Whether there is an edge near enough, or nothing left to count in between."""
        near = _NEAR * self._mean
        below = _gap(curve, target)
        for dollars, up_to in curve[max(1, below - 1) : below + 3]:
            if dollars != ABOVE_ALL and abs(up_to - target) + self._read_twice(dollars) <= near:
                return True
        return curve[below + 1][0] - curve[below][0] <= 1

    def _probe(self, curve: Sequence[tuple[int, int]], gap: int, target: float) -> int:
        """A price inside the gap where F should be `target`."""
        (low, _), (high, _) = curve[gap], curve[gap + 1]
        self._tries[target] += 1
        if self._tries[target] > _PATIENCE:
            dollars = _beside_round_price(self._ruler, low, high)
        else:
            dollars = price_at(self._ruler, _foretell(curve, gap, target, self._ruler))
            dollars = self._lighter(dollars, low, high)
        dollars = min(max(dollars, low + 1), high - 1)
        self._foretold[dollars] = target
        return dollars

    def _lighter(self, dollars: int, low: int, high: int) -> int:
        """The price beside `dollars` where, as far as anybody knows, fewest stones would be read twice."""
        around = [near for near in range(dollars - 2, dollars + 3) if low < near < high]
        return min(
            around,
            key=lambda near: (self._ruler.share_at(near), near % 10 in _LIKED_ENDINGS, abs(near - dollars)),
            default=dollars,
        )

    def _read_twice(self, dollars: int) -> int:
        known = self._heatmap.at(dollars)
        if known is not None:
            return known
        return min(round(self._ruler.share_at(dollars) * self._heatmap.priced), self._heatmap.at_most(dollars))

    def _may_be_heavy(self, dollars: int) -> bool:
        if self._heatmap.at(dollars) is not None or (self._ruler.knows_heavy_prices and self._trusted):
            return False
        return self._heatmap.at_most(dollars) > _HEAVY * self._mean


def _beside_round_price(ruler: Ruler, low: int, high: int) -> int:
    """A price well inside (low, high), just below a round one: where many stones share a price, it is a round one."""
    if _roundness(low + 1) > 1 and low + 2 < high:
        return low + 2
    width = ruler.mark(high) - ruler.mark(low)
    first = price_at(ruler, ruler.mark(low) + width * _MARGIN)
    last = price_at(ruler, ruler.mark(high) - width * _MARGIN)
    for step in _ROUND:
        rounded = last // step * step
        if rounded >= first:
            return rounded - 1 if step > 1 else (first + last) // 2
    return (low + high) // 2


def _roundness(dollars: int) -> int:
    return next(step for step in _ROUND if dollars % step == 0)


def _gap(curve: Sequence[tuple[int, int]], target: float) -> int:
    """The last known price with at most `target` stones up to it."""
    return bisect_right(curve, target, key=lambda point: point[1]) - 1


def _spread(targets: Sequence[float], most: int) -> Iterable[float]:
    """At most so many of the targets, evenly."""
    count = min(most, len(targets))
    return [targets[(2 * place + 1) * len(targets) // (2 * count)] for place in range(count)]


def _foretell(curve: Sequence[tuple[int, int]], gap: int, target: float, ruler: Ruler) -> float:
    """The mark at which the curve comes to `target`, by a smooth rising curve through the known points.

    The curve is a cubic whose slopes are harmonic means of the chords beside each point, so it never turns back
    (Fritsch and Butland, 1984); it runs over the counts, because the mark is what is looked for.
    """
    (x0, f0), (x1, f1) = curve[gap], curve[gap + 1]
    m0, m1 = ruler.mark(x0), ruler.mark(x1)
    width = f1 - f0
    chord = (m1 - m0) / width
    s0 = _slope(_chord(curve, gap - 1, ruler), chord)
    s1 = _slope(chord, _chord(curve, gap + 1, ruler))
    t = (target - f0) / width
    rest = 1 - t
    return m0 * (1 + 2 * t) * rest**2 + m1 * (3 - 2 * t) * t**2 + width * t * rest * (s0 * rest - s1 * t)


def _chord(curve: Sequence[tuple[int, int]], gap: int, ruler: Ruler) -> float | None:
    """Marks per stone across a gap; None outside the curve and where the gap holds no stone."""
    if not 0 <= gap < len(curve) - 1 or curve[gap][1] == curve[gap + 1][1]:
        return None
    (x0, f0), (x1, f1) = curve[gap], curve[gap + 1]
    return (ruler.mark(x1) - ruler.mark(x0)) / (f1 - f0)


def _slope(left: float | None, right: float | None) -> float:
    if left is None or right is None:
        return (left if right is None else right) or 0.0
    return 2 * left * right / (left + right)
