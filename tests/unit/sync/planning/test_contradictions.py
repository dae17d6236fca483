"""Contradictory counts: drift is tolerated, other contradictions are rejected."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.core.errors import CoverageUnproven
from sync.planning.heatmap import PRICED, Heatmap, PriceRange
from sync.planning.planner import plan
from tests.unit.sync.planning.spread import Spread, drive


class MovingFeed(Spread):
    """A feed that changes with every count."""

    def __init__(self, cents: list[int], seed: int, most: int) -> None:
        super().__init__(cents)
        self.random = Random(seed)
        self.most = most

    def count(self, price: PriceRange) -> int:
        return max(0, super().count(price) + self.random.randint(-self.most, self.most))


@given(st.integers(0, 1_000))
def test_counts_of_moving_feed_are_reconciled(seed: int) -> None:
    random = Random(seed)
    spread = MovingFeed([random.randrange(40_00, 20_000_00) for _ in range(20_000)], seed, most=20)

    result = drive(plan(), spread)

    bands = [band for band in result.bands if band.kind == "band"]
    assert (bands[0].price_from, bands[-1].price_to) == (None, None)
    assert len(result.bands) <= 30


class MovedFeed(Spread):
    """A feed that changes once, after the total was counted."""

    def __init__(self, cents: range, by: int) -> None:
        super().__init__(cents)
        self.by = by
        self.seen = False

    def count(self, price: PriceRange) -> int:
        count = super().count(price) + (self.by if self.seen and price.price_from in {None, 0} else 0)
        self.seen = self.seen or price == PRICED
        return count


@pytest.mark.parametrize("by", [-1, 0, 1])
@pytest.mark.parametrize("dollars", [4_000, 60_000])
def test_feed_that_moves_between_two_counts_has_no_unpriced_stones(dollars: int, by: int) -> None:
    result = drive(plan(max_partitions=4), MovedFeed(range(0, dollars * 100, 100), by))

    assert [band.kind for band in result.bands] == ["band"] * 4


class LateUnpricedFeed(Spread):
    """A feed whose unpriced stones appear after the first counts."""

    def __init__(self, cents: range, unpriced: int) -> None:
        super().__init__(cents)
        self.late = unpriced
        self.counted = 0

    def count(self, price: PriceRange) -> int:
        self.counted += 1
        self.unpriced = self.late if self.counted > 2 else 0
        return super().count(price)


def test_invariant_02_unpriced_stones_that_appear_during_counts_are_read() -> None:
    result = drive(plan(max_partitions=4), LateUnpricedFeed(range(0, 4_000_00, 100), 7))

    assert [band.kind for band in result.bands] == ["band", "band", "band", "outside"]
    assert result.unpriced == 7


def test_many_more_priced_stones_than_stones_are_contradiction() -> None:
    planning = plan()
    next(planning)

    with pytest.raises(CoverageUnproven, match=r"total 10000, priced 10102; 101 may drift"):
        planning.send([10_000, 10_102])


def test_few_more_priced_stones_than_stones_are_drift() -> None:
    planning = plan(min_stones=20_000)
    next(planning)

    with pytest.raises(StopIteration) as done:
        planning.send([10_000, 10_100])

    assert done.value.value.bands[0].planned == 10_100


def test_counts_that_fall_with_rising_price_are_contradiction() -> None:
    planning = plan()
    next(planning)
    batch = planning.send([10_000, 10_000])

    with pytest.raises(CoverageUnproven, match="more stones cost at most 102 dollars than at most 253"):
        planning.send([9_000 if price.price_to == 102 else 1_000 for price in batch])


class ExclusiveRangeFeed(Spread):
    """A supplier whose price ranges exclude their ends."""

    def count(self, price: PriceRange) -> int:
        ends = {end for end in (price.price_from, price.price_to) if end is not None}
        return max(
            0, super().count(price) - sum(super(ExclusiveRangeFeed, self).count(PriceRange(end, end)) for end in ends)
        )


def test_edge_in_neither_range_is_contradiction() -> None:
    cents = [dollars * 100 for dollars in range(100, 160) for _ in range(1_000)]

    with pytest.raises(CoverageUnproven, match="are not all priced stones"):
        drive(plan(), ExclusiveRangeFeed(cents))


def test_cumulative_count_of_lower_price_is_at_most_that_of_higher() -> None:
    heatmap = Heatmap(10_000, 10_000)
    heatmap.record_up_to(500, 4_000)

    with pytest.raises(CoverageUnproven, match="more stones cost at most 400 dollars than at most 500"):
        heatmap.record_up_to(400, 4_101)
