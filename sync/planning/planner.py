"""Planning of a run: choose the prices to count and build the plan that the counts prove.

`plan` is a generator: it yields the counts that it needs, receives their answers, and returns the plan. Each count is a
call to the supplier. The prices of the present inventory predict most counts, so a later plan needs fewer than the first.
"""

from collections.abc import Generator, Sequence
from math import ceil
from typing import TypeVar

from inventory.core.errors import FeedIncomplete
from sync.planning.cut_points import CutPoint, PriceSlice
from sync.planning.heatmap import ABOVE_ALL, BELOW_ALL, EVERYTHING, LAB_GROWN, NATURAL, PRICED, Heatmap, PriceRange
from sync.planning.partition import MAX_PLANNED, Band, Dimension, Plan
from sync.planning.price_scale import HeldPrice, InventoryPriceScale, LogarithmicPriceScale, PriceScale
from sync.planning.search import CountSearch

T = TypeVar("T")
Steps = Generator[tuple[PriceRange, ...], Sequence[int], T]
Counting = Steps[Plan]

# Stones before the first unpriced one at which its partition starts, so that a few sold stones cost no step back.
_OUTSIDE_MARGIN = 100
# The last counts of a plan: from its highest edge, and the unfiltered count again.
_CLOSING = 2
_MIN_COUNTS = 5
# Expected ratio of the largest band to the mean, for feeds whose partitions reach the largest size.
_UNEVEN = 1.3
# Counts for each partition that a large feed needs beyond the budget, and for dividing one that is still too large: the
# second is enough to halve every price range down to a dollar.
_COUNTS_PER_PART = 4
_COUNTS_TO_SPLIT = 40
_MAX_DIVISIONS = 10


def plan(
    *,
    max_partitions: int = 30,
    min_stones: int = 1000,
    budget: int = 100,
    held: Sequence[HeldPrice] = (),
    dimension: Dimension = "dollar_value",
    by_origin: bool = True,
) -> Counting:
    """Plan a run over a feed. Yields batches of counts that may be sent concurrently; send their answers, in order.

    `budget`: the largest number of counts, at least 5. When it is used up the plan uses the best edges so far. A feed that
    needs more than `max_partitions` to keep every partition readable gets more, and more counts to find them. A feed that
    moves while it is counted, or has stones in no price range, may cost four more.
    `held`: prices of the inventory in ascending order of dollars, in the same dimension. They reduce the number of counts
    and do not weaken the proof. `by_origin`: whether the supplier can filter by origin.

    Raises:
        CoverageUnproven: the supplier's counts contradict each other by more than drift can explain.
        FeedIncomplete: the stones in no price range are beyond the largest offset, and the others cannot be divided.
    """
    if max_partitions < 1 or min_stones < 1 or budget < _MIN_COUNTS:
        raise ValueError("a plan needs at least one partition, one stone in it, and five counts")
    total, priced = yield EVERYTHING, PRICED
    planning = _Planning(Heatmap(total, priced), dimension, max_partitions, by_origin=by_origin)
    needed = ceil(priced * _UNEVEN / MAX_PLANNED) if priced > MAX_PLANNED else 1
    parts = max(min(max_partitions - (total > priced), priced // min_stones, budget // 2), needed)
    if parts > 1:
        search = yield from planning.divide(_scale(held), parts, max(budget, _COUNTS_PER_PART * needed))
        if len(search.best()) > 1:
            return (yield from planning.partitioned(search))
    return (yield from planning.unfiltered())


def _scale(held: Sequence[HeldPrice]) -> PriceScale:
    return InventoryPriceScale(held) if any(price.stones for price in held) else LogarithmicPriceScale()


class _Planning:
    """State of the planning: the counts so far, and the steps that need more."""

    def __init__(self, heatmap: Heatmap, dimension: Dimension, max_partitions: int, *, by_origin: bool) -> None:
        self._heatmap = heatmap
        self._dimension = dimension
        self._max_partitions = max_partitions
        self._by_origin = by_origin
        self._used = 2  # the heatmap's own counts

    def divide(self, scale: PriceScale, parts: int, budget: int) -> Steps[CountSearch]:
        """Search for bands as even as the budget allows. Add bands while one is too large to be read."""
        search = CountSearch(
            self._heatmap, scale, parts, budget=budget - self._used - _CLOSING, dimension=self._dimension
        )
        for _ in range(_MAX_DIVISIONS):
            while next_counts := search.next_counts() or search.edge_counts(MAX_PLANNED):
                search.record(next_counts, (yield next_counts))
                self._used += len(next_counts)
            divisible = [part for part in search.best() if self._too_large(part) and not self._indivisible(part)]
            if not divisible:
                break
            parts += sum(ceil(part.stones / MAX_PLANNED) - 1 for part in divisible)
            search = CountSearch(self._heatmap, scale, parts, budget=_COUNTS_TO_SPLIT * len(divisible))
        return search

    @staticmethod
    def _too_large(part: PriceSlice) -> bool:
        return part.stones > MAX_PLANNED

    def _indivisible(self, part: PriceSlice) -> bool:
        return self._heatmap.heaviest_dollar(part.low.dollars, part.high.dollars) > MAX_PLANNED

    def partitioned(self, search: CountSearch) -> Steps[Plan]:
        """Build a plan of several bands. Both sides of its highest edge must add up to the whole."""
        edge = search.best()[-1].low.dollars
        again, from_edge = yield EVERYTHING, PriceRange(price_from=edge)
        self._used += _CLOSING
        self._heatmap.record_from(edge, from_edge)
        unpriced = yield from self._unpriced(again)
        chosen = search.best()
        if unpriced and len(chosen) == self._max_partitions:
            fewer = search.best(self._max_partitions - 1)
            chosen = chosen if any(self._too_large(part) for part in fewer) else fewer
        bands = [
            Band(
                ordinal=ordinal,
                kind="band",
                price_from=_edge(part.low),
                price_to=_edge(part.high),
                planned=part.stones,
                indivisible=self._too_large(part) and self._indivisible(part),
            )
            for ordinal, part in enumerate(chosen)
        ]
        return self._plan([*bands, *self._outside(len(bands), unpriced)], unpriced)

    def _outside(self, ordinal: int, unpriced: int) -> list[Band]:
        if not unpriced:
            return []
        start = max(0, self._heatmap.priced - _OUTSIDE_MARGIN)
        planned = self._heatmap.priced - start + unpriced
        return [
            Band(ordinal=ordinal, kind="outside", price_from=None, price_to=None, planned=planned, first_offset=start)
        ]

    def unfiltered(self) -> Steps[Plan]:
        """Build a plan of one partition without a filter, which also reads the stones in no price range."""
        stones = max(self._heatmap.total, self._heatmap.priced)
        unpriced = max(0, self._heatmap.total - self._heatmap.priced)
        if stones > MAX_PLANNED and unpriced:
            yield from self._check_offsets((yield from self._unpriced(self._heatmap.total)))
        only = Band(
            ordinal=0, kind="band", price_from=None, price_to=None, planned=stones, indivisible=stones > MAX_PLANNED
        )
        return self._plan([only] if stones else [], unpriced)

    def _check_offsets(self, unpriced: int) -> Steps[None]:
        """Check that one partition without a filter can be read to its end, where the stones in no price range are.

        Raises:
            FeedIncomplete: the supplier rejects the offsets of these stones.
        """
        if not unpriced:
            return
        if self._by_origin:  # each origin is a separate query
            origins = yield NATURAL, LAB_GROWN
            self._used += 2
            if max(origins) <= MAX_PLANNED:
                return
        total = self._heatmap.total
        raise FeedIncomplete(
            f"{unpriced} of {total} stones lie in no range of {self._dimension}, all others cannot be divided, and the "
            "supplier does not accept the offsets that lead to them. Divide the feed by the other price: see the setting *_PARTITION_DIMENSION of the supplier",
            details={"counted": total, "read": self._heatmap.priced, "missing": unpriced},
        )

    def _unpriced(self, again: int) -> Steps[int]:
        """Count the stones in no price range, which a partition outside the bands must read.

        A feed that moves between two counts appears to have some. If that changes the plan, both counts are repeated.
        `again`: the second unfiltered count.
        """
        total, priced = self._heatmap.total, self._heatmap.priced
        if total == priced == again:
            return 0
        if priced < total <= MAX_PLANNED:
            return max(total, again) - priced
        total_again, priced_again = yield EVERYTHING, PRICED
        self._used += 2
        gaps = (max(0, total - priced), max(0, total_again - priced_again))
        if total_again > MAX_PLANNED and not all(gaps):
            return 0  # The feed moves; the proof of the whole run decides.
        return max(gaps)

    def _plan(self, bands: Sequence[Band], unpriced: int) -> Plan:
        return Plan(
            bands=tuple(bands),
            total=self._heatmap.total,
            priced=self._heatmap.priced,
            unpriced=unpriced,
            counts_used=self._used,
            dimension=self._dimension,
        )


def _edge(point: CutPoint) -> int | None:
    return None if point.dollars in {BELOW_ALL, ABOVE_ALL} else point.dollars
