"""What a search is made of: how many diamonds have each value, and how prices and weights are spread."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

# Columns whose values are counted; each is also the name of its criterion.
COUNTED: Sequence[str] = (
    "shape", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "fluorescence_color", "fancy_color",
    "fancy_intensity", "certificate_lab", "lab_grown", "growth_method", "availability",
)  # fmt: skip

# Where the buckets of a histogram begin. The same for every search, so that two of them can be laid side by side. Prices
# go up in steps that look even on a logarithmic axis; weights where the trade's prices jump.
MEASURED: Mapping[str, Sequence[int]] = {
    "retail_price_cents": tuple(
        step * 10**power for power in range(3, 8) for step in (10, 15, 20, 30, 50, 70)
    ),
    "carat_milli": (
        200, 300, 400, 500, 600, 700, 800, 900, 1000, 1200, 1500, 1750, 2000, 2500, 3000, 4000, 5000, 7000, 10_000,
    ),
    "ratio_milli": (900, 950, 1000, 1050, 1100, 1200, 1300, 1400, 1500, 1600, 1750, 2000, 2250),
    "table_milli": tuple(range(50_000, 75_000, 2_000)),
    "depth_milli": tuple(range(52_000, 78_000, 2_000)),
    "delivery_max_days": (2, 4, 6, 11, 16, 26),
}  # fmt: skip

# A supplier may ask to hide measurements: their facets leave those diamonds out.
HIDEABLE = frozenset({"ratio_milli", "table_milli", "depth_milli"})
Edges = Mapping[str, Sequence[int]]
STANDARD_EDGES: Edges = MappingProxyType({})

# The shares of diamonds that lie at or below a quantile: the smallest, the median, the largest, and some between.
SHARES: Sequence[float] = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


class Bucket(msgspec.Struct, frozen=True):
    """Part of a histogram. Both ends belong to it, so that it can be asked for as it is; None is open."""

    min: int | None
    max: int | None
    count: int


class Histogram(msgspec.Struct, frozen=True):
    """How a measure is spread: buckets without a gap from the first to the last that holds something.

    `quantiles`: values that diamonds really have, one for each of `SHARES`; none where nothing matches.
    """

    buckets: Sequence[Bucket] = ()
    quantiles: Sequence[int] = ()


class Facets(msgspec.Struct, frozen=True):
    """The facets that were asked for, by column. A value that no diamond has is not counted."""

    counts: Mapping[str, Mapping[str | None, int]]
    histograms: Mapping[str, Histogram]


def edges_of(name: str, edges: Edges) -> Sequence[int]:
    """Where the buckets of a measure begin, ascending: those that were asked for, or the standard ones."""
    return edges.get(name) or MEASURED[name]


def histogram(edges: Sequence[int], filled: Mapping[int, int], quantiles: Sequence[int]) -> Histogram:
    """A histogram, from how many there are in each filled bucket; bucket 0 lies before the first edge."""
    if not filled:
        return Histogram()
    buckets = [
        Bucket(
            min=edges[number - 1] if number else None,
            max=edges[number] - 1 if number < len(edges) else None,
            count=filled.get(number, 0),
        )
        for number in range(min(filled), max(filled) + 1)
    ]
    return Histogram(buckets, quantiles)
