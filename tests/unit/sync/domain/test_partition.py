"""The plan of a run covers everything, evenly, at a price."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import CoverageUnproven
from sync.domain.heatmap import EVERYTHING
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
