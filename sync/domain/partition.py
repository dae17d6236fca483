"""How a run is divided: bands of price that prove, by counts, that together they hold every stone.

`plan` is a generator: it yields the counts that it wants to know, takes their answers, and returns the plan. Each
count costs the supplier a call, so it asks for few, and for fewer still when it may look at the inventory of yesterday.

Why nothing is lost. Neighbours share their edge and the outer bands are open, so every price, cents and all, lies in
at least one band; a stone exactly at an edge is read twice, which is harmless. Stones without a price are in no band:
where there are any (or the feed moved while it was counted, so that nobody can know), one more partition reads the
unfiltered feed from just before the point where the priced stones end.
"""

from collections.abc import Generator, Iterator, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from app.core.errors import CoverageUnproven
from sync.domain.cuts import Knot, Slice
from sync.domain.heatmap import ABOVE_ALL, BELOW_ALL, EVERYTHING, PRICED, Heatmap, PriceRange
from sync.domain.ruler import InventoryRuler, LogarithmicRuler, Ruler
from sync.domain.search import Search

Kind = Literal["band", "outside"]
Counting = Generator[tuple[PriceRange, ...], Sequence[int], "Plan"]

# How far before the first unpriced stone its partition begins, so that a few sold stones cost no step back.
_OUTSIDE_MARGIN = 100
# The last counts of a plan: both sides of its highest edge, and everything once more.
_CLOSING = 2
_FEWEST_COUNTS = 5


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """One partition: a price band, or the stones outside every band.

    `price_from`, `price_to`: whole US dollars, inclusive, None is open. `planned`: stones that reading it returns, as
    far as is known, with those at the lower edge that the neighbour reads too. `first_offset`: where reading begins.
    """

    ordinal: int
    kind: Kind
    price_from: int | None
    price_to: int | None
    planned: int
    first_offset: int = 0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The partitions of a run. None at all for an empty feed.

    A plan that does not cover the feed can't be made: see `__post_init__`.
    """

    bands: tuple[Band, ...]
    total: int
    priced: int
    unpriced: int
    counts_used: int

    def __post_init__(self) -> None:
        """Prove the coverage.

        Raises:
            CoverageUnproven: a price, or a stone without one, would be read by nobody.
        """
        flaws = list(_flaws(self))
        if flaws:
            raise CoverageUnproven(
                f"the plan does not cover the feed: {'; '.join(flaws)}",
                details={"total": self.total, "priced": self.priced, "bands": len(self.bands)},
            )

    @property
    def max_over_mean(self) -> float:
        """The largest price band over the mean of all; 1.0 where there is none."""
        sizes = [band.planned for band in self.bands if band.kind == "band"]
        return max(sizes) * len(sizes) / sum(sizes) if sum(sizes) else 1.0


def _flaws(plan: Plan) -> Iterator[str]:
    """What is wrong with a plan, each in a few words."""
    priced = [band for band in plan.bands if band.kind == "band"]
    outside = [band for band in plan.bands if band.kind == "outside"]
    if [band.ordinal for band in plan.bands] != list(range(len(plan.bands))):
        yield "its ordinals do not count up from 0"
    if plan.bands != (*priced, *outside[:1]):
        yield "it is not bands followed by at most one partition outside them"
    if not priced:
        if plan.total:
            yield "nobody reads it"
        return
    yield from _flaws_of_edges(priced)
    if sum(band.planned for band in priced) < plan.priced:
        yield "the bands hold fewer stones than have a price"
    if len(priced) > 1 and plan.unpriced and not outside:
        yield "nobody reads the stones without a price"


def _flaws_of_edges(priced: Sequence[Band]) -> Iterator[str]:
    if priced[0].price_from is not None or priced[-1].price_to is not None:
        yield "an outer band is closed"
    for lower, upper in pairwise(priced):
        if lower.price_to is None or lower.price_to != upper.price_from:
            yield f"bands {lower.ordinal} and {upper.ordinal} do not share their edge"
        elif upper.price_to is not None and upper.price_to <= lower.price_to:
            yield f"band {upper.ordinal} ends where it begins"


def plan(
    *,
    max_partitions: int = 30,
    min_stones: int = 1000,
    budget: int = 100,
    held: Sequence[tuple[int, int]] = (),
) -> Counting:
    """Plan a run over a feed. Yields batches of counts that may be asked at once; send their answers, in order.

    `budget` is the most counts that are asked, at least 5; when it is used up the best edges so far are taken.
    `held` is what the inventory holds already, if anything: (dollars, stones) in ascending order of dollars, where a
    stone stands under its price rounded up to the dollar. It only makes the plan cheaper, never less proven.

    Raises:
        CoverageUnproven: the supplier's counts contradict each other by more than drift can explain.
    """
    if max_partitions < 1 or min_stones < 1 or budget < _FEWEST_COUNTS:
        raise ValueError("a plan needs at least one partition, one stone in it, and five counts")
    total, priced = yield EVERYTHING, PRICED
    heatmap = Heatmap(total, priced)
    used = 2
    unpriced = max(0, total - priced)
    parts = min(max_partitions - bool(unpriced), priced // min_stones, budget // 2)
    if parts <= 1:
        return _unfiltered(total, priced, used)

    ruler: Ruler = InventoryRuler(held) if any(stones for _, stones in held) else LogarithmicRuler()
    search = Search(heatmap, ruler, parts, budget=budget - used - _CLOSING)
    while wanted := search.wanted():
        search.take_in(wanted, (yield wanted))
    used += search.used
    chosen = search.best()
    if len(chosen) == 1:
        return _unfiltered(total, priced, used)

    edge = chosen[-1].low.dollars
    again, from_edge = yield EVERYTHING, PriceRange(price_from=edge)
    heatmap.record_from(edge, from_edge)
    unpriced = max(unpriced, again - priced)
    # Counts of a moving feed can hide a few unpriced stones from each other, so then they are looked for anyway.
    outside = unpriced > 0 or again != total
    return _partitioned(search.best(min(parts, max_partitions - outside)), heatmap, unpriced, used + _CLOSING, outside)


def _unfiltered(total: int, priced: int, used: int) -> Plan:
    """One partition without a filter: it reads the unpriced stones as well."""
    only = Band(ordinal=0, kind="band", price_from=None, price_to=None, planned=max(total, priced))
    bands = (only,) if only.planned else ()
    return Plan(bands=bands, total=total, priced=priced, unpriced=max(0, total - priced), counts_used=used)


def _partitioned(chosen: Sequence[Slice], heatmap: Heatmap, unpriced: int, used: int, outside: bool) -> Plan:
    bands = [
        Band(
            ordinal=ordinal,
            kind="band",
            price_from=_edge(part.low),
            price_to=_edge(part.high),
            planned=part.stones,
        )
        for ordinal, part in enumerate(chosen)
    ]
    if outside:
        start = max(0, heatmap.priced - _OUTSIDE_MARGIN)
        bands.append(
            Band(
                ordinal=len(bands),
                kind="outside",
                price_from=None,
                price_to=None,
                planned=heatmap.priced - start + unpriced,
                first_offset=start,
            )
        )
    return Plan(bands=tuple(bands), total=heatmap.total, priced=heatmap.priced, unpriced=unpriced, counts_used=used)


def _edge(knot: Knot) -> int | None:
    return None if knot.dollars in {BELOW_ALL, ABOVE_ALL} else knot.dollars
