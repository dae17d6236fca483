"""The plan of a run covers everything, evenly, at a price."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import CoverageUnproven
from sync.domain.heatmap import EVERYTHING, Heatmap, PriceRange
from sync.domain.partition import Band, Plan, plan
from tests.unit.sync.domain.spread import Spread, balance, changed, drive, live, real

LIVE = ["uniform", "logarithmic", "clumped", "round"]


def prices(largest: int = 3_000_00) -> st.SearchStrategy[list[int]]:
    """Prices in cents, loose and in heaps."""
    loose = st.lists(st.integers(0, largest), max_size=300)
    heap = st.builds(lambda cents, stones: [cents] * stones, st.integers(0, largest), st.integers(1, 200))
    heaps = st.lists(heap, max_size=6).map(lambda heaps: [cents for heap in heaps for cents in heap])
    return st.builds(lambda some, more: some + more, loose, heaps)


def band(ordinal: int, price_from: int | None, price_to: int | None, planned: int = 50) -> Band:
    return Band(ordinal=ordinal, kind="band", price_from=price_from, price_to=price_to, planned=planned)


def outside(ordinal: int) -> Band:
    return Band(ordinal=ordinal, kind="outside", price_from=None, price_to=None, planned=10, first_offset=90)


def made(*bands: Band, total: int = 100, unpriced: int = 0) -> Plan:
    return Plan(bands=bands, total=total, priced=total - unpriced, unpriced=unpriced, counts_used=2)


# Coverage


@given(prices(), st.integers(0, 60), st.integers(1, 12), st.integers(1, 40), st.integers(5, 60))
def test_invariant_02_every_stone_is_read_by_some_partition(
    cents: list[int], unpriced: int, partitions: int, fewest: int, budget: int
) -> None:
    spread = Spread(cents, unpriced)

    result = drive(plan(max_partitions=partitions, min_stones=fewest, budget=budget), spread)

    bands = [band for band in result.bands if band.kind == "band"]
    for price in cents:
        assert any(
            (band.price_from is None or band.price_from * 100 <= price)
            and (band.price_to is None or price <= band.price_to * 100)
            for band in bands
        )
    if unpriced:
        last = result.bands[-1]
        assert (last.price_from, last.price_to) == (None, None)
        assert last.first_offset <= len(cents)
    assert len(result.bands) <= partitions
    assert result.counts_used <= budget


@given(prices(), prices())
def test_a_wrong_idea_of_the_inventory_loses_no_stone(cents: list[int], other: list[int]) -> None:
    spread = Spread(cents)

    result = drive(plan(max_partitions=10, min_stones=20, held=Spread(other).held()), spread)

    assert sum(spread.read(band) for band in result.bands) >= len(cents)
    assert result.counts_used <= 100


@given(prices())
def test_a_plan_never_foretells_fewer_stones_than_have_a_price(cents: list[int]) -> None:
    result = drive(plan(max_partitions=8, min_stones=10), Spread(cents))

    assert sum(band.planned for band in result.bands) >= result.priced == len(cents)


@pytest.mark.parametrize(
    ("flawed", "flaw"),
    [
        (lambda: made(band(0, None, 10), band(1, 11, None)), "share their edge"),
        (lambda: made(band(0, 0, 10), band(1, 10, None)), "outer band is closed"),
        (lambda: made(band(0, None, 10), band(1, 10, 99)), "outer band is closed"),
        (lambda: made(band(0, None, 10), band(1, 10, 10), band(2, 10, None)), "ends where it begins"),
        (lambda: made(band(0, None, 10), band(1, 10, None, planned=49)), "fewer stones"),
        (lambda: made(band(0, None, 10), band(1, 10, None), unpriced=1), "without a price"),
        (lambda: made(band(0, None, 10), band(2, 10, None)), "ordinals"),
        (lambda: made(outside(0), band(1, None, 10), band(2, 10, None)), "followed by"),
        (made, "nobody reads it"),
    ],
)
def test_invariant_02_a_plan_with_a_gap_can_not_be_made(flawed: object, flaw: str) -> None:
    assert callable(flawed)
    with pytest.raises(CoverageUnproven, match=flaw):
        flawed()


def test_a_plan_survives_its_json() -> None:
    whole = made(band(0, None, 10), band(1, 10, None), outside(2), unpriced=3)

    assert msgspec.json.decode(msgspec.json.encode(whole), type=Plan) == whole


# Balance and cost


@pytest.mark.parametrize("kind", LIVE)
def test_invariant_03_a_first_plan_of_a_live_inventory_is_even_and_costs_at_most_a_hundred_counts(kind: str) -> None:
    spread = Spread(live(kind))

    result = drive(plan(), spread)

    assert len(result.bands) == 30
    assert result.counts_used <= 100
    assert balance(result, spread) <= 1.2


@pytest.mark.parametrize("kind", LIVE)
def test_a_later_plan_costs_at_most_forty_five_counts(kind: str) -> None:
    spread = Spread(live(kind))
    yesterday = Spread(changed(live(kind), Random(2)))

    result = drive(plan(held=yesterday.held()), spread)

    assert len(result.bands) == 30
    assert result.counts_used <= 45
    assert balance(result, spread) <= 1.2


@pytest.mark.parametrize("stones", [2_000, 10_000, 53_940])
def test_invariant_03_real_stones_with_many_ties_are_divided_evenly(stones: int) -> None:
    spread = Spread(Random(3).sample(real(), stones))

    first = drive(plan(), spread)
    later = drive(plan(held=Spread(changed(spread.cents, Random(4))).held()), spread)

    assert len(first.bands) == len(later.bands) == min(30, stones // 1000)
    assert balance(first, spread) <= 1.3
    assert balance(later, spread) <= 1.3
    assert first.counts_used <= 100
    assert later.counts_used <= 45


def test_unpriced_stones_cost_one_partition_of_the_thirty() -> None:
    spread = Spread(real(), unpriced=700)

    result = drive(plan(), spread)

    assert len(result.bands) == 30
    assert result.bands[-1] == Band(
        ordinal=29, kind="outside", price_from=None, price_to=None, planned=800, first_offset=53_840
    )
    assert result.unpriced == 700
    assert balance(result, spread) <= 1.2


@given(st.lists(st.integers(0, 5_000_00), min_size=400, max_size=2_000), st.integers(2, 10))
def test_invariant_03_no_band_of_loose_prices_is_much_larger_than_the_mean(cents: list[int], parts: int) -> None:
    spread = Spread(cents)

    result = drive(plan(max_partitions=parts, min_stones=1), spread)

    sizes = [spread.read(band) for band in result.bands]
    dollar = max(stones for _, stones in spread.held())  # nothing divides the stones within a dollar
    assert max(sizes) <= 1.3 * len(cents) / parts + 2 * dollar


@pytest.mark.parametrize("heap", [1_237, 2_000, 999])
def test_an_edge_is_not_put_where_many_stones_share_a_price(heap: int) -> None:
    random = Random(heap)
    loose = [random.randrange(100_00, 4_000_00) for _ in range(30_000)]
    spread = Spread(loose + [heap * 100] * 1_500)

    result = drive(plan(), spread)

    assert heap not in {band.price_to for band in result.bands}
    assert balance(result, spread) <= 1.3 or max(spread.read(band) for band in result.bands) <= 1_600


@pytest.mark.parametrize("known", [False, True])
def test_a_heap_just_where_an_edge_would_lie_is_found_out(known: bool) -> None:
    """The stones below an edge all move up to it: every count that led there is the same, but a heap lies on it."""
    random = Random(8)
    loose = Spread(random.randrange(100_00, 40_000_00) for _ in range(60_000))
    held = loose.held() if known else []
    below, chosen = drive(plan(held=held), loose).bands[14:16]
    assert below.price_to is not None
    assert chosen.price_from is not None
    cheapest = below.price_to * 100 - 800_00
    heaped = Spread(
        chosen.price_from * 100 if cheapest < cents < below.price_to * 100 else cents for cents in loose.cents
    )
    assert heaped.heaviest() > 1_000

    result = drive(plan(held=heaped.held() if known else []), heaped)

    assert balance(result, heaped) <= 1.3


def test_prices_far_above_every_expectation_are_divided_too() -> None:
    random = Random(6)
    spread = Spread(random.randrange(10**9, 2 * 10**9) for _ in range(60_000))

    result = drive(plan(), spread)

    assert len(result.bands) == 30
    assert balance(result, spread) <= 1.2


# Small and strange feeds


@pytest.mark.parametrize(
    ("spread", "counts"),
    [
        (Spread([]), 2),
        (Spread([5]), 2),
        (Spread([2**31 - 1]), 2),
        (Spread([], unpriced=7), 2),
        (Spread([], unpriced=50_000), 2),
        (Spread(range(0, 199_900, 100), unpriced=3), 2),
    ],
)
def test_a_small_feed_is_read_whole_after_two_counts(spread: Spread, counts: int) -> None:
    result = drive(plan(), spread)

    total = spread.count(EVERYTHING)
    whole = (Band(ordinal=0, kind="band", price_from=None, price_to=None, planned=total),)
    assert result.bands == (whole if total else ())
    assert result.counts_used == counts
    assert result.unpriced == spread.unpriced


def test_one_price_that_everything_shares_makes_one_band() -> None:
    result = drive(plan(), Spread([500_00] * 40_000, unpriced=9))

    assert [(band.price_from, band.price_to, band.planned) for band in result.bands] == [(None, None, 40_009)]
    assert result.counts_used <= 30


def test_two_neighbouring_prices_are_not_read_twice_for_nothing() -> None:
    spread = Spread([500_00] * 20_000 + [501_00] * 20_000)

    result = drive(plan(), spread)

    assert sum(spread.read(band) for band in result.bands) == 40_000


@given(st.integers(5, 40))
def test_a_budget_is_kept_whatever_the_prices(budget: int) -> None:
    result = drive(plan(budget=budget), Spread([price * 1_000_00 for price in range(1, 41) for _ in range(1_500)]))

    assert result.counts_used <= budget


def test_a_plan_needs_a_few_counts_at_least() -> None:
    with pytest.raises(ValueError, match="five counts"):
        next(plan(budget=4))


# Counts that contradict each other


class Moving(Spread):
    """A feed that changes with every count."""

    def __init__(self, cents: list[int], seed: int, most: int) -> None:
        super().__init__(cents)
        self.random = Random(seed)
        self.most = most

    def count(self, price: PriceRange) -> int:
        return max(0, super().count(price) + self.random.randint(-self.most, self.most))


@given(st.integers(0, 1_000))
def test_counts_of_a_moving_feed_are_reconciled(seed: int) -> None:
    random = Random(seed)
    spread = Moving([random.randrange(40_00, 20_000_00) for _ in range(20_000)], seed, most=20)

    result = drive(plan(), spread)

    bands = [band for band in result.bands if band.kind == "band"]
    assert (bands[0].price_from, bands[-1].price_to) == (None, None)
    assert len(result.bands) <= 30


class Moved(Spread):
    """A feed that some stones came to, or left, after the first count of everything."""

    def __init__(self, cents: range, by: int) -> None:
        super().__init__(cents)
        self.by = by
        self.seen = False

    def count(self, price: PriceRange) -> int:
        again = price == EVERYTHING and self.seen
        self.seen = self.seen or price == EVERYTHING
        return super().count(price) + again * self.by


@pytest.mark.parametrize(("by", "last"), [(0, "band"), (1, "outside"), (-1, "outside")])
def test_invariant_02_unpriced_stones_are_looked_for_when_the_feed_moves(by: int, last: str) -> None:
    result = drive(plan(max_partitions=4), Moved(range(0, 4_000_00, 100), by))

    assert [band.kind for band in result.bands] == ["band", "band", "band", last]


def test_more_priced_stones_than_stones_prove_nothing() -> None:
    planning = plan()
    next(planning)

    with pytest.raises(CoverageUnproven, match=r"total 10000, priced 10102; 101 may drift"):
        planning.send([10_000, 10_102])


def test_a_few_more_priced_stones_than_stones_are_drift() -> None:
    planning = plan(min_stones=20_000)
    next(planning)

    with pytest.raises(StopIteration) as done:
        planning.send([10_000, 10_100])

    assert done.value.value.bands[0].planned == 10_100


def test_counts_that_fall_while_the_price_rises_prove_nothing() -> None:
    planning = plan()
    next(planning)
    batch = planning.send([10_000, 10_000])

    with pytest.raises(CoverageUnproven, match="more stones cost at most 102 dollars than at most 253"):
        planning.send([9_000 if price.price_to == 102 else 1_000 for price in batch])


class Exclusive(Spread):
    """A supplier whose ranges do not contain their ends."""

    def count(self, price: PriceRange) -> int:
        ends = {end for end in (price.price_from, price.price_to) if end is not None}
        return max(0, super().count(price) - sum(super(Exclusive, self).count(PriceRange(end, end)) for end in ends))


def test_an_edge_that_belongs_to_neither_side_proves_nothing() -> None:
    cents = [dollars * 100 for dollars in range(100, 160) for _ in range(1_000)]

    with pytest.raises(CoverageUnproven, match="is not everything"):
        drive(plan(), Exclusive(cents))


def test_a_cheaper_price_that_is_counted_later_may_not_exceed_a_dearer_one() -> None:
    heatmap = Heatmap(10_000, 10_000)
    heatmap.record_up_to(500, 4_000)

    with pytest.raises(CoverageUnproven, match="more stones cost at most 400 dollars than at most 500"):
        heatmap.record_up_to(400, 4_101)
