"""Choice of the band edges: select the counted prices that make the most even bands."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from math import inf

import msgspec

# Exponent of a band's cost. It is high, so that the larger bands decide.
_POWER = 6
# Tolerated ratio of the largest slice to the smallest possible one, so that the others can be more even.
_SLACK = 1.02


class CutPoint(msgspec.Struct, frozen=True):
    """A candidate edge: F(dollars), and the number of stones at the price, which both neighbours would read."""

    dollars: int
    up_to: int
    at: int


class PriceSlice(msgspec.Struct, frozen=True):
    """The stones between two edges, including those at the lower edge, which are read twice."""

    low: CutPoint
    high: CutPoint

    @property
    def stones(self) -> int:
        return self.high.up_to - self.low.up_to + self.low.at


def slices(points: Sequence[CutPoint], parts: int) -> list[PriceSlice]:
    """Choose at most `parts` slices from the first point to the last, as even as these points allow.

    The largest is at most 2 % larger than the smallest possible largest one. Edges without a gain are not used.
    """
    first, last = points[0], points[-1]
    inner = [point for point in points[1:-1] if first.up_to < point.up_to < last.up_to]
    path = [first, *inner, last]
    fair = max(1.0, (last.up_to - first.up_to) / parts)
    most = round(_least_maximum(path, parts) * _SLACK)
    steps = [_steps(path, b, most, fair) for b in range(len(path))]
    # least[b]: the least cost of a path to point b in as many slices as there were rounds.
    least = [0.0] + [inf] * (len(path) - 1)
    came_from: list[list[int]] = []
    best, rounds = inf, 0
    for round_ in range(1, min(parts, len(path) - 1) + 1):
        ways = [min(((least[a] + cost, a) for a, cost in row), default=(inf, 0)) for row in steps]
        least = [way[0] for way in ways]
        came_from.append([way[1] for way in ways])
        if least[-1] < best:  # strictly, so that an edge without a gain is omitted
            best, rounds = least[-1], round_
    edges = [len(path) - 1]
    for origin in reversed(came_from[:rounds]):
        edges.append(origin[edges[-1]])
    edges.reverse()
    return [PriceSlice(path[a], path[b]) for a, b in pairwise(edges)]


def least_possible(curve: Sequence[tuple[int, int]], parts: int) -> int:
    """Lower bound of the size of the largest of `parts` slices, for all possible further counts.

    `curve`: (dollars, stones up to there), rising. It may be divided anywhere, but not within a dollar.
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
    """(a, cost) of each slice from a point a to the point b that holds at most `most` stones."""
    found = []
    for a in range(b - 1, -1, -1):
        if path[b].up_to - path[a].up_to > most:
            break
        stones = PriceSlice(path[a], path[b]).stones
        if stones <= most:
            found.append((a, (stones / fair) ** _POWER))
    return found


def _least_maximum(path: Sequence[CutPoint], parts: int) -> int:
    """The smallest possible size of the largest of at most `parts` slices.

    If k slices reach a point, k slices also reach every point before it. So the next slice starts best at the reachable
    point with the fewest remaining stones, including those that are read twice.
    """
    up_to = [point.up_to for point in path]
    begun = list(accumulate((point.up_to - point.at for point in path), max))

    def possible(most: int) -> bool:
        reached = 0
        for _ in range(parts):
            if up_to[-1] - begun[reached] <= most:
                return True
            reached = min(bisect_right(up_to, begun[reached] + most), len(path) - 1) - 1
        return False

    return _least(possible, (up_to[-1] - up_to[0]) // parts, up_to[-1] - up_to[0])


def _least(possible: Callable[[int], bool], low: int, high: int) -> int:
    """Binary search of the least possible number from `low` to `high`. Every greater number must be possible too."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if possible(middle) else (middle + 1, high)
    return low
