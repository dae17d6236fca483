"""Choice of the edges: of the prices that were counted, those that make the most even bands."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from math import inf

import msgspec

# Grows so fast with a band's size that the larger bands decide.
_POWER = 6
# How much larger than need be the largest slice may be, so that the others can be more even.
_SLACK = 1.02


class CutPoint(msgspec.Struct, frozen=True):
    """A price that may become an edge: F(dollars), and how many stones at it both neighbours would read."""

    dollars: int
    up_to: int
    at: int


class PriceSlice(msgspec.Struct, frozen=True):
    """The stones between two edges, with those at the lower edge, which are read twice."""

    low: CutPoint
    high: CutPoint

    @property
    def stones(self) -> int:
        return self.high.up_to - self.low.up_to + self.low.at


def slices(knots: Sequence[CutPoint], parts: int) -> list[PriceSlice]:
    """At most `parts` slices from the first knot to the last, as even as these knots allow.

    The largest is at most 2 % larger than need be. Edges that gain nothing are not used.
    """
    first, last = knots[0], knots[-1]
    inner = [knot for knot in knots[1:-1] if first.up_to < knot.up_to < last.up_to]
    path = [first, *inner, last]
    fair = max(1.0, (last.up_to - first.up_to) / parts)
    most = round(_least_maximum(path, parts) * _SLACK)
    steps = [_steps(path, b, most, fair) for b in range(len(path))]
    # least[b]: the least cost of a path to knot b in as many slices as there were rounds.
    least = [0.0] + [inf] * (len(path) - 1)
    came_from: list[list[int]] = []
    best, rounds = inf, 0
    for round_ in range(1, min(parts, len(path) - 1) + 1):
        ways = [min(((least[a] + cost, a) for a, cost in row), default=(inf, 0)) for row in steps]
        least = [way[0] for way in ways]
        came_from.append([way[1] for way in ways])
        if least[-1] < best:  # strictly, so that an edge which gains nothing is left out
            best, rounds = least[-1], round_
    edges = [len(path) - 1]
    for origin in reversed(came_from[:rounds]):
        edges.append(origin[edges[-1]])
    edges.reverse()
    return [PriceSlice(path[a], path[b]) for a, b in pairwise(edges)]


def least_possible(curve: Sequence[tuple[int, int]], parts: int) -> int:
    """A bound: no choice of `parts` slices has a smaller largest one, whatever else may be counted.

    `curve`: (dollars, stones up to there), rising. It may be cut anywhere, but not within a dollar.
    """
    dollars = [price for price, _ in curve]
    up_to = [stones for _, stones in curve]

    def possible(most: int) -> bool:
        begun = up_to[0]
        for _ in range(parts):
            end = begun + most
            if end >= up_to[-1]:
                return True
            gap = bisect_right(up_to, end) - 1
            begun = end if dollars[gap + 1] - dollars[gap] > 1 else up_to[gap]
        return False

    return _least(possible, (up_to[-1] - up_to[0]) // parts, up_to[-1] - up_to[0])


def _steps(path: Sequence[CutPoint], b: int, most: int, fair: float) -> list[tuple[int, float]]:
    """(a, cost) of each slice from a knot a to the knot b that holds at most that many stones."""
    found = []
    for a in range(b - 1, -1, -1):
        if path[b].up_to - path[a].up_to > most:
            break
        stones = PriceSlice(path[a], path[b]).stones
        if stones <= most:
            found.append((a, (stones / fair) ** _POWER))
    return found


def _least_maximum(path: Sequence[CutPoint], parts: int) -> int:
    """The stones of the largest slice, in the best choice of at most `parts` slices.

    A knot that k slices can reach, every knot before it can be reached by k slices too. So of all reachable knots the next
    slice starts best where the fewest stones are left, those that are read twice included.
    """
    up_to = [knot.up_to for knot in path]
    begun = list(accumulate((knot.up_to - knot.at for knot in path), max))

    def possible(most: int) -> bool:
        reached = 0
        for _ in range(parts):
            if up_to[-1] - begun[reached] <= most:
                return True
            reached = min(bisect_right(up_to, begun[reached] + most), len(path) - 1) - 1
        return False

    return _least(possible, (up_to[-1] - up_to[0]) // parts, up_to[-1] - up_to[0])


def _least(possible: Callable[[int], bool], low: int, high: int) -> int:
    """The least number from `low` to `high` that is possible, as every greater one is."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if possible(middle) else (middle + 1, high)
    return low
