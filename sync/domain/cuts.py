"""Where to cut: of the prices that were counted, those that make the most even bands."""

from collections.abc import Sequence
from itertools import pairwise
from math import inf

import msgspec

# Grows so fast with a band's size that the largest bands decide.
_POWER = 6


class Knot(msgspec.Struct, frozen=True):
    """A price that may become an edge: F(dollars), and how many stones at it both neighbours would read."""

    dollars: int
    up_to: int
    at: int


class Slice(msgspec.Struct, frozen=True):
    """What lies between two edges, with what is read again at the lower one."""

    low: Knot
    high: Knot

    @property
    def stones(self) -> int:
        return self.high.up_to - self.low.up_to + self.low.at


def slices(knots: Sequence[Knot], parts: int) -> list[Slice]:
    """At most `parts` slices from the first knot to the last, with the largest as small as these knots allow.

    Edges that gain nothing are not used.
    """
    first, last = knots[0], knots[-1]
    inner = [knot for knot in knots[1:-1] if first.up_to < knot.up_to < last.up_to]
    path = [first, *inner, last]
    fair = max(1.0, (last.up_to - first.up_to) / parts)
    costs = [[(Slice(low, high).stones / fair) ** _POWER for low in path[:b]] for b, high in enumerate(path)]
    # least[b]: what it costs at least to come to knot b in as many slices as there were rounds.
    least = [0.0] + [inf] * (len(path) - 1)
    came_from: list[list[int]] = []
    best, rounds = inf, 0
    for round_ in range(1, min(parts, len(path) - 1) + 1):
        ways = [min(((least[a] + cost, a) for a, cost in enumerate(row)), default=(inf, 0)) for row in costs]
        least = [way[0] for way in ways]
        came_from.append([way[1] for way in ways])
        if least[-1] < best:  # strictly, so that an edge which gains nothing is left out
            best, rounds = least[-1], round_
    edges = [len(path) - 1]
    for origin in reversed(came_from[:rounds]):
        edges.append(origin[edges[-1]])
    edges.reverse()
    return [Slice(path[a], path[b]) for a, b in pairwise(edges)]
