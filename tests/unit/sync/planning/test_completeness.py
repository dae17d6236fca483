"""Completeness: a run that reports it is complete, for any paging, order and counts of the supplier."""

from collections.abc import Sequence
from random import Random

import pytest

from inventory.core.errors import FeedIncomplete
from sync.planning import additional_reads, completeness, partition, pass_planner, planner
from tests.unit.sync.planning.model_supplier import Behaviour, ModelSupplier
from tests.unit.sync.planning.spread import real_spread
from tests.unit.sync.planning.test_any_supplier import missing
from tests.unit.sync.planning.whole_run import WholeRun

_RANDOM = Random(3)
SPREAD = [_RANDOM.randrange(20_000, 900_000) for _ in range(4_000)]


def feed(prices: Sequence[int | None], **behaviour: object) -> ModelSupplier:
    supplier = ModelSupplier(1, Behaviour(**behaviour))  # type: ignore[arg-type]
    supplier.fill(prices)
    return supplier


def read(supplier: ModelSupplier, **how: int) -> WholeRun:
    run = WholeRun(supplier, seed=1, **how)  # type: ignore[arg-type]
    run.complete()
    return run


@pytest.mark.parametrize(("stones", "hidden"), [(4_000, 40), (8_000, 45)])
def test_invariant_19_short_pages_are_incomplete_until_pages_are_complete(stones: int, hidden: int) -> None:
    random = Random(3)
    supplier = feed([random.randrange(20_000, 900_000) for _ in range(stones)], hidden=hidden)
    with pytest.raises(FeedIncomplete) as failure:
        read(supplier)
    details = failure.value.details
    assert details["missing"] == hidden
    assert details["counted"] == hidden + details["read"]  # type: ignore[operator]
    supplier.behaviour = Behaviour()
    assert read(supplier).read == supplier.items.keys()


TIES = {
    "50 prices": [50_000 + 100 * (n % 50) for n in range(4_000)],
    "groups of 40 to 140": [50_000 + 100 * g for g in range(45) for _ in range(Random(g).randrange(40, 140))],
    "one price": [50_000] * 3_000,
    "three groups": [50_000] * 1_000 + [60_000] * 1_000 + [70_000] * 1_000,
}


@pytest.mark.parametrize("prices", TIES.values(), ids=TIES)
def test_randomly_ordered_ties_lose_nothing(prices: list[int]) -> None:
    supplier = feed(prices, random_ties=True)
    assert read(supplier).read == supplier.items.keys()
    assert supplier.counts + supplier.pages < len(prices) / 4


def test_real_ties_in_random_order_lose_nothing() -> None:
    supplier = feed([cents for cents in real_spread() if 50_000 <= cents <= 72_000], random_ties=True)
    assert read(supplier).read == supplier.items.keys()


def test_equal_stones_are_read_again_until_ids_match_count() -> None:
    supplier = ModelSupplier(1, Behaviour(random_ties=True))
    supplier.fill([50_000] * 220, lambda number: None if number % 40 == 0 else 1_000)
    assert read(supplier).read == supplier.items.keys()


def limit_offsets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept offsets up to 500 only."""
    for module in (planner, partition):
        monkeypatch.setattr(module, "MAX_PLANNED", 450)
    for module in (completeness, pass_planner, additional_reads):
        monkeypatch.setattr(module, "LARGEST_OFFSET", 500)


def test_price_beyond_offset_limit_is_divided_by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_offsets(monkeypatch)
    supplier = feed([50_000] * 1_500 + SPREAD[:500], random_ties=True, largest_offset=500)
    run = read(supplier)
    assert run.read == supplier.items.keys()
    assert run.plan is not None
    assert any(band.indivisible for band in run.plan.bands)


@pytest.mark.parametrize("by_origin", [False, True])
def test_unpriced_stones_beyond_offset_limit_are_divided_by_cross_filter(
    monkeypatch: pytest.MonkeyPatch, by_origin: bool
) -> None:
    limit_offsets(monkeypatch)
    supplier = feed([*SPREAD[:2_500], *[None] * 70], largest_offset=500)
    run = read(supplier, by_origin=by_origin)
    assert run.read == supplier.items.keys()
    assert max(len(one._reading.checkpoint.passes) for one in run.partitions) > 2


def test_unpriced_stones_that_cannot_be_divided_are_incomplete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit_offsets(monkeypatch)
    supplier = feed(SPREAD[:2_500], largest_offset=500)
    for _ in range(3):
        unreachable = supplier.add(None, None)
        supplier.items[unreachable] = supplier.items[unreachable]._replace(updated=-1)
    supplier.settle()
    with pytest.raises(FeedIncomplete, match="Stones without a price: the supplier counts 3") as failure:
        read(supplier)
    assert failure.value.details["missing"] == 3


@pytest.mark.parametrize("seed", [71, 2071, 5541, 7293, 24256])
def test_accidental_agreement_of_counts_proves_nothing(seed: int) -> None:
    assert not missing(seed)


def test_ties_are_read_again_without_weight_ranges() -> None:
    supplier = feed([50_000] * 220, random_ties=True, weighs=False)
    assert read(supplier).read == supplier.items.keys()


@pytest.mark.parametrize("fault", ["omit", "repeat"])
def test_pages_that_omit_or_repeat_items_lose_nothing(fault: str) -> None:
    supplier = feed(SPREAD[:3_000], **{fault: 0.15})
    assert read(supplier).read == supplier.items.keys()
    assert supplier.counts + supplier.pages < 500


def test_counted_stone_without_item_is_incomplete() -> None:
    supplier = feed(SPREAD)
    supplier.behaviour = Behaviour(lost=frozenset([next(iter(supplier.items))]))
    with pytest.raises(FeedIncomplete) as failure:
        read(supplier)
    assert failure.value.details["missing"] == 1


def test_exclusive_ranges_are_detected_and_their_ends_read() -> None:
    supplier = feed([cents // 100 * 100 for cents in SPREAD[:2_100]], exclusive=True)
    run = WholeRun(supplier)
    supplier.open()
    edges = [band.price_to for band in run._plan().bands if band.price_to is not None]
    at_edges = [supplier.add(edge * 100) for edge in edges for _ in range(2)]
    supplier.settle()
    for offer in at_edges:
        supplier.items[offer] = supplier.items[offer]._replace(updated=-1)
    assert read(supplier).read == supplier.items.keys()


def test_items_without_id_are_counted_and_do_not_stop_run() -> None:
    supplier = feed(SPREAD[:1_000])
    silent = list(supplier.items)[10:13]
    for offer in silent:
        supplier.items[offer] = supplier.items[offer]._replace(silent=True)
    run = WholeRun(supplier)
    proof = run.complete()
    assert proof.unidentified == 3
    assert run.read == supplier.items.keys() - silent


def test_stone_with_two_offers_counts_by_offers_or_once() -> None:
    for counts_stones in (False, True):
        supplier = feed(SPREAD[:300], counts_stones=counts_stones)
        first = next(iter(supplier.items.values()))
        twin = supplier.add((first.price or 0) + 5_000, first.carats, grown=first.grown, stone=first.stone)
        supplier.items[twin] = supplier.items[twin]._replace(updated=-1)
        assert read(supplier).read == supplier.items.keys()


def test_stones_with_price_outside_all_ranges_are_read() -> None:
    supplier = feed(SPREAD)
    supplier.behaviour = Behaviour(unranged=frozenset(list(supplier.items)[:3]))
    run = read(supplier, min_stones=200)
    assert run.read == supplier.items.keys()
    assert run.plan is not None
    assert run.plan.bands[-1].kind == "outside"


def test_stones_of_unknown_origin_are_read() -> None:
    supplier = feed(SPREAD[:2_500])
    for offer in list(supplier.items)[:3]:
        supplier.items[offer] = supplier.items[offer]._replace(grown=None)
    assert read(supplier).read == supplier.items.keys()


@pytest.mark.parametrize("behaviour", [{"bias": 1.01}, {"bias": 0.99}, {"jitter": 0.01}], ids=str)
def test_wrong_counts_prove_nothing_on_static_feed(behaviour: dict[str, float]) -> None:
    for seed in range(5):
        supplier = ModelSupplier(seed, Behaviour(**behaviour))  # type: ignore[arg-type]
        supplier.fill(SPREAD[:1_500])
        try:
            run = read(supplier)
        except FeedIncomplete:
            continue
        assert run.read == supplier.items.keys()


def test_moving_feed_completes_and_reads_every_stone_that_stayed() -> None:
    random = Random(5)
    supplier = feed(SPREAD)
    before = set(supplier.items)

    def change() -> None:
        if random.random() < 0.3:
            offer = random.choice(list(supplier.items))
            kind = random.randrange(3)
            if kind == 0:
                supplier.add(random.randrange(20_000, 900_000))
            elif kind == 1:
                supplier.remove(offer)
            else:
                supplier.reprice(offer, random.randrange(20_000, 900_000))

    run = WholeRun(supplier, seed=1, meanwhile=change)
    run.complete()
    assert supplier.left
    assert before & supplier.items.keys() - supplier.touched <= run.read


def test_static_feed_costs_few_requests_beyond_pages() -> None:
    supplier = feed(SPREAD)
    run = read(supplier)
    assert (supplier.shown - len(run.read)) / supplier.shown < 0.03
    assert supplier.pages <= len(SPREAD) // 49 + 2 * len(run.partitions)
    assert supplier.counts <= 60
