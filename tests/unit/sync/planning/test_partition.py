"""Partition planning: complete coverage, even sizes, few counts."""

import math
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.core.errors import CoverageUnproven, FeedIncomplete
from sync.planning.heatmap import EVERYTHING, PriceRange
from sync.planning.partition import LARGEST_OFFSET, MAX_PLANNED, Band, Dimension, Plan
from sync.planning.planner import plan
from tests.unit.sync.planning.spread import Spread, balance, changed_prices, drive, live_spread, real_spread

LIVE = ["uniform", "logarithmic", "clumped", "round"]


def prices(largest: int = 3_000_00) -> st.SearchStrategy[list[int]]:
    """Prices in cents, scattered and tied."""
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
def test_stale_inventory_loses_no_stone(cents: list[int], other: list[int]) -> None:
    spread = Spread(cents)

    result = drive(plan(max_partitions=10, min_stones=20, held=Spread(other).inventory_prices()), spread)

    assert sum(spread.read(band) for band in result.bands) >= len(cents)
    assert result.counts_used <= 100


@given(prices())
def test_plan_expects_at_least_number_of_priced_stones(cents: list[int]) -> None:
    result = drive(plan(max_partitions=8, min_stones=10), Spread(cents))

    assert sum(band.planned for band in result.bands) >= result.priced == len(cents)


@pytest.mark.parametrize(
    ("flawed", "flaw"),
    [
        (lambda: made(band(0, None, 10), band(1, 11, None)), "share their edge"),
        (lambda: made(band(0, 0, 10), band(1, 10, None)), "outer band is closed"),
        (lambda: made(band(0, None, 10), band(1, 10, 99)), "outer band is closed"),
        (lambda: made(band(0, None, 10), band(1, 10, 10), band(2, 10, None)), "is empty: its ends are equal"),
        (lambda: made(band(0, None, 10), band(1, 10, None, planned=49)), "fewer stones"),
        (lambda: made(band(0, None, 10), band(1, 10, None), unpriced=1), "without a price"),
        (lambda: made(band(0, None, 10), band(1, 10, None, planned=45_001)), "offsets end at 50000"),
        (lambda: made(band(0, None, 10), band(2, 10, None)), "ordinals"),
        (lambda: made(outside(0), band(1, None, 10), band(2, 10, None)), "followed by"),
        (made, "has no partition"),
    ],
)
def test_invariant_02_plan_with_gap_is_rejected(flawed: object, flaw: str) -> None:
    assert callable(flawed)
    with pytest.raises(CoverageUnproven, match=flaw):
        flawed()


def test_plan_round_trips_through_json() -> None:
    whole = made(band(0, None, 10), band(1, 10, None), outside(2), unpriced=3)

    assert msgspec.json.decode(msgspec.json.encode(whole), type=Plan) == whole


# Balance and cost


@pytest.mark.parametrize("kind", LIVE)
def test_invariant_03_first_plan_is_even_with_at_most_hundred_counts(kind: str) -> None:
    spread = Spread(live_spread(kind))

    result = drive(plan(), spread)

    assert len(result.bands) == 30
    assert result.counts_used <= 100
    assert balance(result, spread) <= 1.2


@pytest.mark.parametrize("kind", LIVE)
def test_later_plan_costs_at_most_45_counts(kind: str) -> None:
    spread = Spread(live_spread(kind))
    yesterday = Spread(changed_prices(live_spread(kind), Random(2)))

    result = drive(plan(held=yesterday.inventory_prices()), spread)

    assert len(result.bands) == 30
    assert result.counts_used <= 45
    assert balance(result, spread) <= 1.2


@pytest.mark.parametrize("stones", [2_000, 10_000, 53_940])
def test_invariant_03_real_stones_with_many_ties_are_divided_evenly(stones: int) -> None:
    spread = Spread(Random(3).sample(real_spread(), stones))

    first = drive(plan(), spread)
    later = drive(plan(held=Spread(changed_prices(spread.cents, Random(4))).inventory_prices()), spread)

    assert len(first.bands) == len(later.bands) == min(30, stones // 1000)
    assert balance(first, spread) <= 1.3
    assert balance(later, spread) <= 1.3
    assert first.counts_used <= 100
    assert later.counts_used <= 45


@pytest.mark.parametrize("dimension", ["dollar_value", "dollar_per_carat"])
def test_invariant_03_sandbox_feed_is_divided_evenly_in_both_dimensions(dimension: Dimension) -> None:
    spread = Spread(real_spread(dimension))

    first = drive(plan(dimension=dimension), spread)
    later = drive(
        plan(held=Spread(changed_prices(spread.cents, Random(4))).inventory_prices(), dimension=dimension), spread
    )

    assert (first.dimension, len(first.bands), len(later.bands)) == (dimension, 30, 30)
    assert balance(first, spread) <= 1.2
    assert balance(later, spread) <= 1.2
    assert first.counts_used <= 85
    assert later.counts_used <= 40


def test_unpriced_stones_use_one_partition_of_thirty() -> None:
    spread = Spread(real_spread(), unpriced=700, grown=20_000)

    result = drive(plan(), spread)

    assert len(result.bands) == 30
    assert result.bands[-1] == Band(
        ordinal=29, kind="outside", price_from=None, price_to=None, planned=800, first_offset=53_840
    )
    assert result.unpriced == 700
    assert balance(result, spread) <= 1.2


def clustered(seed: int, low: int, high: int, share: float) -> list[int]:
    """2,952 prices with cents, a share of them within a dollar of the edges of 30 even bands."""
    random = Random(seed)
    loose = sorted(round(100 * math.exp(random.uniform(math.log(low), math.log(high)))) for _ in range(2_952))
    edges = [loose[len(loose) * place // 30] // 100 * 100 for place in range(1, 30)]
    return [random.choice(edges) + random.randrange(-99, 100) if random.random() < share else price for price in loose]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(("low", "high"), [(500, 5_000), (500, 1_000), (1_000, 1_100), (200, 20_000)])
def test_invariant_03_prices_clustered_at_edges_are_divided_evenly(
    low: int, high: int, share: float, seed: int
) -> None:
    spread = Spread(clustered(seed, low, high, share))

    result = drive(plan(min_stones=50), spread)

    assert result.counts_used <= 100
    assert balance(result, spread) <= 1.3
    assert result.max_over_mean == pytest.approx(balance(result, spread), abs=0.1)


@pytest.mark.parametrize("edge", [999_00, 1_000_00, 1_234_00])
def test_invariant_03_edge_between_two_clusters_is_found(edge: int) -> None:
    random = Random(edge)
    near = [edge + random.randrange(-99, 100) for _ in range(2_000)]
    spread = Spread(near + [edge + random.randrange(-700_00, 700_00) for _ in range(952)])

    result = drive(plan(max_partitions=2), spread)

    assert [band.price_to for band in result.bands] == [edge // 100, None]
    assert balance(result, spread) <= 1.1
    assert result.counts_used <= 40


@given(st.lists(st.integers(0, 5_000_00), min_size=400, max_size=2_000), st.integers(2, 10))
def test_invariant_03_no_band_of_scattered_prices_is_much_above_mean(cents: list[int], parts: int) -> None:
    spread = Spread(cents)

    result = drive(plan(max_partitions=parts, min_stones=1), spread)

    sizes = [spread.read(band) for band in result.bands]
    dollar = max(price.stones for price in spread.inventory_prices())  # no edge can divide the stones within a dollar
    assert max(sizes) <= 1.3 * len(cents) / parts + 2 * dollar


@pytest.mark.parametrize("heap", [1_237, 2_000, 999])
def test_edge_avoids_price_with_many_ties(heap: int) -> None:
    random = Random(heap)
    loose = [random.randrange(100_00, 4_000_00) for _ in range(30_000)]
    spread = Spread(loose + [heap * 100] * 1_500)

    result = drive(plan(), spread)

    assert heap not in {band.price_to for band in result.bands}
    assert balance(result, spread) <= 1.3 or max(spread.read(band) for band in result.bands) <= 1_600


@pytest.mark.parametrize("known", [False, True])
def test_tie_at_expected_edge_is_detected(known: bool) -> None:
    """All stones below an edge move to its price: the earlier counts are unchanged, but the edge now has a large tie."""
    random = Random(8)
    loose = Spread(random.randrange(100_00, 40_000_00) for _ in range(60_000))
    held = loose.inventory_prices() if known else []
    below, chosen = drive(plan(held=held), loose).bands[14:16]
    assert below.price_to is not None
    assert chosen.price_from is not None
    cheapest = below.price_to * 100 - 800_00
    heaped = Spread(
        chosen.price_from * 100 if cheapest < cents < below.price_to * 100 else cents for cents in loose.cents
    )
    assert heaped.largest_tie() > 1_000

    result = drive(plan(held=heaped.inventory_prices() if known else []), heaped)

    assert balance(result, heaped) <= 1.3


def test_prices_above_expected_range_are_divided() -> None:
    random = Random(6)
    spread = Spread(random.randrange(10**9, 2 * 10**9) for _ in range(60_000))

    result = drive(plan(), spread)

    assert len(result.bands) == 30
    assert balance(result, spread) <= 1.2


# Small and unusual feeds


@pytest.mark.parametrize(
    ("spread", "counts"),
    [
        (Spread([]), 2),
        (Spread([5]), 2),
        (Spread([2**31 - 1]), 2),
        (Spread([], unpriced=7), 2),
        (Spread([], unpriced=40_000), 2),
        (Spread(range(0, 199_900, 100), unpriced=3), 2),
    ],
)
def test_small_feed_is_read_whole_after_two_counts(spread: Spread, counts: int) -> None:
    result = drive(plan(), spread)

    total = spread.count(EVERYTHING)
    whole = (Band(ordinal=0, kind="band", price_from=None, price_to=None, planned=total),)
    assert result.bands == (whole if total else ())
    assert result.counts_used == counts
    assert result.unpriced == spread.unpriced


@pytest.mark.parametrize("most", [1, 2, 30])
def test_plan_exceeds_partition_limit_when_offsets_would_end(most: int) -> None:
    spread = Spread(live_spread("clumped"))

    result = drive(plan(max_partitions=most), spread)

    assert max(spread.read(band) for band in result.bands) <= MAX_PLANNED
    assert len(result.bands) >= 10
    assert result.counts_used <= 100
    assert balance(result, spread) <= 1.2


class RepeatedFeed(Spread):
    """A feed in which every stone occurs five times."""

    def count(self, price: PriceRange) -> int:
        return 5 * super().count(price)


@pytest.mark.parametrize("known", [False, True])
def test_partitions_of_two_million_stones_stay_within_offset_limit(known: bool) -> None:
    spread = RepeatedFeed(live_spread("round"))

    result = drive(plan(held=spread.inventory_prices() if known else ()), spread)

    sizes = [(spread.read(band), band) for band in result.bands]
    assert all(size <= MAX_PLANNED or band.indivisible for size, band in sizes)
    assert sum(band.indivisible for band in result.bands) <= 2  # 50,790 stones have one price
    assert len(result.bands) <= 90
    assert result.counts_used <= 300


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_large_ties_do_not_hide_neighbouring_stones(seed: int) -> None:
    random = Random(seed)
    heaps = [(random.randrange(1, 50_000) * 100, random.randrange(10_000, 44_000)) for _ in range(6)]
    spread = Spread(
        [random.randrange(1_00, 50_000_00) for _ in range(100_000)]
        + [cents for cents, stones in heaps for _ in range(stones)]
    )

    result = drive(plan(max_partitions=random.choice([1, 5, 30])), spread)

    assert all(spread.read(band) <= LARGEST_OFFSET or band.indivisible for band in result.bands)


def test_single_price_beyond_offset_limit_is_marked_for_reader() -> None:
    spread = Spread([*range(100_00, 20_000_00, 100), *[777_00] * 60_000])

    result = drive(plan(max_partitions=5), spread)

    (marked,) = [band for band in result.bands if band.indivisible]
    assert spread.read(marked) >= 60_000
    assert marked.price_from is not None
    assert marked.price_to is not None
    assert all(band.planned <= MAX_PLANNED for band in result.bands if band != marked)
    (whole,) = drive(plan(), Spread([500_00] * 60_000)).bands
    assert (whole.planned, whole.indivisible) == (60_000, True)


def test_unpriced_stones_beyond_offset_limit_are_left_to_reader() -> None:
    result = drive(plan(), Spread(real_spread(), unpriced=700))

    assert result.bands[-1].kind == "outside"
    assert result.bands[-1].planned >= 700


@pytest.mark.parametrize("spread", [Spread([], unpriced=50_000), Spread([500_00] * 60_000, unpriced=1)])
def test_indivisible_unpriced_stones_make_feed_incomplete(spread: Spread) -> None:
    with pytest.raises(FeedIncomplete, match="PARTITION_DIMENSION") as refused:
        drive(plan(), spread)

    assert refused.value.details["missing"] == spread.unpriced


def test_single_price_feed_has_one_band() -> None:
    result = drive(plan(), Spread([500_00] * 40_000, unpriced=9))

    assert [(band.price_from, band.price_to, band.planned) for band in result.bands] == [(None, None, 40_009)]
    assert result.counts_used <= 30


def test_adjacent_prices_are_not_read_twice() -> None:
    spread = Spread([500_00] * 20_000 + [501_00] * 20_000)

    result = drive(plan(), spread)

    assert sum(spread.read(band) for band in result.bands) == 40_000


@given(st.integers(5, 40))
def test_count_limit_is_kept_for_any_prices(budget: int) -> None:
    result = drive(plan(budget=budget), Spread([price * 1_000_00 for price in range(1, 41) for _ in range(1_100)]))

    assert result.counts_used <= budget


def test_minimum_number_of_counts_is_small() -> None:
    with pytest.raises(ValueError, match="five counts"):
        next(plan(budget=4))
