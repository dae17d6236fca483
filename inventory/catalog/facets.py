"""Facets of a search: counts by value, and histograms and quantiles of prices, weights and measures."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

# Columns with counts by value. Each is also the name of its criterion.
COUNTED: Sequence[str] = (
    "shape", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "fluorescence_color", "fancy_color",
    "fancy_intensity", "certificate_lab", "lab_grown", "growth_method", "availability",
)  # fmt: skip

# Bucket edges of histograms, the same for every search, so that clients can compare searches. Prices have about equal
# steps on a logarithmic scale. Weights have edges where market prices rise in steps.
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

# A supplier may require that measurements are hidden. The facets of these columns exclude those diamonds.
HIDEABLE = frozenset({"ratio_milli", "table_milli", "depth_milli"})
Edges = Mapping[str, Sequence[int]]
STANDARD_EDGES: Edges = MappingProxyType({})

# Ranks of quantiles: minimum, percentiles 5, 25, 50, 75 and 95, and maximum.
SHARES: Sequence[float] = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


class Bucket(msgspec.Struct, frozen=True):
    """Histogram bucket. Both ends are inclusive, as in a range criterion; None is an open end."""

    min: int | None
    max: int | None
    count: int


class Histogram(msgspec.Struct, frozen=True):
    """Histogram of a measure: contiguous buckets from the first to the last non-empty one.

    `quantiles`: values of actual diamonds, one for each of `SHARES`; empty if no diamond matches.
    """

    buckets: Sequence[Bucket] = ()
    quantiles: Sequence[int] = ()


class Facets(msgspec.Struct, frozen=True):
    """Requested facets by column. Values with a count of 0 are omitted."""

    counts: Mapping[str, Mapping[str | None, int]]
    histograms: Mapping[str, Histogram]


def edges_of(name: str, edges: Edges) -> Sequence[int]:
    """Bucket edges of a measure, ascending: the requested edges, or the standard edges."""
    return edges.get(name) or MEASURED[name]


def histogram(edges: Sequence[int], filled: Mapping[int, int], quantiles: Sequence[int]) -> Histogram:
    """Build a histogram from the counts of non-empty buckets. Bucket 0 is before the first edge."""
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
