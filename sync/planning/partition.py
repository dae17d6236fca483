"""Plan of a run: price bands that together hold every stone of the feed, proven by counts.

Neighbours share their edge and the outer bands are open, so every price, including cents, is in at least one band. A
stone exactly at an edge is read twice, which is harmless. In the supplier's published schema every stone has a price, so
the bands are the whole feed. Where the counts show stones in no band, one more partition reads the unfiltered feed from
just before the point where the priced stones end.

The supplier rejects offsets above `LARGEST_OFFSET`, so no partition is planned with more stones than `MAX_PLANNED`. The
exception is a band whose stones all have the same price in dollars: no price divides it, so its reader divides it by
carats.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from inventory.core.errors import CoverageUnproven

Kind = Literal["band", "outside", "rows"]
Dimension = Literal["dollar_value", "dollar_per_carat"]

LARGEST_OFFSET = 50_000
"""The largest offset of a page that the supplier accepts."""
MAX_PLANNED = 45_000
"""Stones of the largest partition that is planned: the feed may grow while it is read."""


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """One partition: a price band, or the stones outside every band.

    `price_from`, `price_to`: whole US dollars of the plan's dimension, inclusive, None is open. `planned`: expected
    number of distinct stones that match it, including those at the lower edge that the neighbour reads too. `first_offset`: offset of
    the first page. `indivisible`: more stones than `MAX_PLANNED` have the same price in dollars; divide it by carats.
    """

    ordinal: int
    kind: Kind
    price_from: int | None
    price_to: int | None
    planned: int
    first_offset: int = 0
    indivisible: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The partitions of a run; none for an empty feed.

    `dimension`: the price that the bands divide. A plan that does not cover the feed cannot be constructed.
    """

    bands: tuple[Band, ...]
    total: int
    priced: int
    unpriced: int
    counts_used: int
    dimension: Dimension = "dollar_value"

    def __post_init__(self) -> None:
        """Prove the coverage.

        Raises:
            CoverageUnproven: no partition would read some price or the stones without a price, or the offsets of a
                partition would be too large.
        """
        flaws = list(_flaws(self))
        if flaws:
            raise CoverageUnproven(
                f"the plan does not cover the feed: {'; '.join(flaws)}",
                details={"total": self.total, "priced": self.priced, "bands": len(self.bands)},
            )

    @property
    def size(self) -> int:
        """Number of partitions."""
        return len(self.bands)

    @property
    def max_over_mean(self) -> float:
        """Ratio of the largest price band to the mean, by planned stones; 1.0 without bands."""
        sizes = [band.planned for band in self.bands if band.kind == "band"]
        return max(sizes) * len(sizes) / sum(sizes) if sum(sizes) else 1.0


def _flaws(plan: Plan) -> Iterator[str]:
    """Reasons why a plan is not valid."""
    priced = [band for band in plan.bands if band.kind == "band"]
    outside = [band for band in plan.bands if band.kind == "outside"]
    if [band.ordinal for band in plan.bands] != list(range(len(plan.bands))):
        yield "its ordinals do not count up from 0"
    if plan.bands != (*priced, *outside[:1]):
        yield "it is not bands followed by at most one partition outside them"
    if not priced:
        if plan.total:
            yield "it has no partition"
        return
    yield from _flaws_of_edges(priced)
    for band in priced:
        if band.planned > MAX_PLANNED and not band.indivisible:
            yield f"band {band.ordinal} holds {band.planned} stones, and offsets end at {LARGEST_OFFSET}"
    if sum(band.planned for band in priced) < plan.priced:
        yield "the bands hold fewer stones than have a price"
    if len(priced) > 1 and plan.unpriced and not outside:
        yield "no partition reads the stones without a price"


def _flaws_of_edges(priced: Sequence[Band]) -> Iterator[str]:
    if priced[0].price_from is not None or priced[-1].price_to is not None:
        yield "an outer band is closed"
    for lower, upper in pairwise(priced):
        if lower.price_to is None or lower.price_to != upper.price_from:
            yield f"bands {lower.ordinal} and {upper.ordinal} do not share their edge"
        elif upper.price_to is not None and upper.price_to <= lower.price_to:
            yield f"band {upper.ordinal} is empty: its ends are equal"
