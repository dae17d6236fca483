"""Generated assortment: seeded, with the documented shares and consistent weights and sizes."""

import json
from collections import Counter
from importlib.resources import files
from statistics import median

import pytest

from sandbox.supplier import assortment
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.proportions import CUTS
from sandbox.supplier.stones import FANCY, HAS_IMAGE, HAS_V360, LAB_GROWN, Stones

START = 1_700_000_000_000_000
COUNT = 40_960


def made(count: int, *, seed: int = 1) -> Stones:
    stones = Stones()
    assortment.fill(stones, count=count, seed=seed, start=START)
    return stones


@pytest.fixture(scope="module")
def stones() -> Stones:
    return made(COUNT)


def natural(stones: Stones) -> list[int]:
    return [ordinal for ordinal in range(len(stones)) if not stones.flags[ordinal] & LAB_GROWN]


def grown(stones: Stones) -> list[int]:
    return [ordinal for ordinal in range(len(stones)) if stones.flags[ordinal] & LAB_GROWN]


def shape_shares(stones: Stones, ordinals: list[int]) -> dict[str | None, float]:
    counted = Counter(stones.shapes.word(stones.shape[ordinal]) for ordinal in ordinals)
    return {shape: count / len(ordinals) for shape, count in counted.items()}


def test_smaller_assortment_is_prefix_of_larger_one(stones: Stones) -> None:
    few = made(5_000)
    assert [few.record(ordinal) for ordinal in range(5_000)] == [stones.record(ordinal) for ordinal in range(5_000)]
    assert [few.details[ordinal] for ordinal in range(5_000)] == [stones.details[ordinal] for ordinal in range(5_000)]
    assert few.updated == stones.updated[:5_000]


def test_another_seed_generates_other_diamonds() -> None:
    assert made(100).price != made(100, seed=2).price


def test_assortment_does_not_change_diamonds_before_it() -> None:
    alone, followed = Inventory(count=300), Inventory(count=300, generated=200)
    assert [followed.item(ordinal) for ordinal in range(300)] == [alone.item(ordinal) for ordinal in range(300)]
    assert followed.summary()["stones"] == 500
    assert followed.summary()["usable"] == alone.summary()["usable"] + 200


def test_shares_of_origins_shapes_and_media_are_as_documented(stones: Stones) -> None:
    shares = shape_shares(stones, grown(stones))
    assert len(grown(stones)) / COUNT == pytest.approx(0.5, abs=0.01)
    assert shares["ROUND"] == pytest.approx(0.48, abs=0.01)
    assert shares["OVAL"] == pytest.approx(0.16, abs=0.01)
    assert "ROUND" not in shape_shares(stones, natural(stones))
    assert sum(bool(flag & HAS_IMAGE) for flag in stones.flags) / COUNT == pytest.approx(0.95, abs=0.01)
    assert sum(bool(flag & HAS_V360) for flag in stones.flags) / COUNT == pytest.approx(0.80, abs=0.01)
    fancy = [ordinal for ordinal in natural(stones) if stones.flags[ordinal] & FANCY]
    hues = Counter(stones.details[ordinal].hue for ordinal in fancy)
    assert hues["YELLOW"] / len(fancy) == pytest.approx(0.64, abs=0.04)


def test_natural_prices_follow_measured_density(stones: Stones) -> None:
    source = json.loads((files("sandbox") / "data" / "nivoda-price-density.json").read_bytes())
    prices = [stones.price[ordinal] for ordinal in natural(stones)]
    for low, high, count in source["by_price_usd"]:
        expected = count / source["total"]
        share = sum(low * 100 <= price <= high * 100 for price in prices) / len(prices)
        assert abs(share - expected) <= 6 * (expected / len(prices)) ** 0.5


def test_lab_grown_prices_are_fraction_of_natural_prices(stones: Stones) -> None:
    def cents(ordinals: list[int]) -> float:
        return median(stones.price[at] for at in ordinals if 1000 <= stones.carats[at] < 1200)

    assert 2 < cents(natural(stones)) / cents(grown(stones)) < 6


def test_weight_and_depth_are_consistent_with_size(stones: Stones) -> None:
    for ordinal in range(2_000):
        details, shape = stones.details[ordinal], stones.shapes.word(stones.shape[ordinal])
        cut = CUTS[shape or ""]
        length, width, height = details.length / 100, details.width / 100, details.height / 100
        area = ((length + width) / 2) ** 2 if cut.mean_diameter else length * width
        found = stones.carats[ordinal] / 1000 / (area * height)
        # Rounding by 0.005 mm has the largest effect on the smallest diamonds.
        assert min(cut.k) * 0.96 <= found <= max(cut.k) * 1.04
        assert details.depth == round(10_000 * details.height / details.width)


def test_every_filter_value_occurs_and_some_diamonds_have_none(stones: Stones) -> None:
    details = list(stones.details.values())
    assert {one.lab for one in details} == {"GIA", "IGI", "HRD", "AGS", "GCAL"}
    assert {one.growth for one in details} == {None, "CVD", "HPHT"}
    assert {one.fluorescence for one in details} == {"NON", "FNT", "MED", "STG", "VST"}
    assert {one.polish for one in details} >= {"EX", "VG", "G", "F"}
    assert {None, "YELLOW", "PINK", "BLUE", "RED"} <= {one.hue for one in details}
    assert {True, False} == {one.report for one in details}
    assert {stones.clarities.word(number) for number in stones.clarity} == {None, *stones.clarities._words[:12]}
    assert {stones.colors.word(number) for number in stones.color} == {None, *stones.colors._words[:12]}
    lab_grown = {stones.details[ordinal].lab for ordinal in grown(stones)}
    assert lab_grown == {"IGI", "GIA", "GCAL"}


def test_better_grade_costs_more_at_equal_weight(stones: Stones) -> None:
    def cents(clarities: set[str]) -> float:
        return median(
            stones.price[at]
            for at in natural(stones)
            if stones.carats[at] in range(1000, 1100)
            and stones.shapes.word(stones.shape[at]) == "OVAL"
            and stones.clarities.word(stones.clarity[at]) in clarities
        )

    assert cents({"VVS1", "VVS2", "VS1"}) > 1.15 * cents({"SI1", "SI2"})


def test_item_states_drawn_terms_and_sizes() -> None:
    inventory = Inventory(count=3, generated=50)
    for ordinal in range(3, 53):
        details, diamond = inventory.stones.details[ordinal], inventory.clean_item(ordinal)["diamond"]
        delivery, certificate = diamond["delivery_time"], diamond["certificate"]
        assert (delivery["min_business_days"], delivery["max_business_days"]) == details.days
        assert diamond["return_window"] == details.return_days
        assert inventory.returnable(ordinal) == (details.return_days > 0)
        sizes = [certificate[name] for name in ("length", "width", "depth")]
        assert sizes == [f"{side / 100:.2f}" for side in (details.length, details.width, details.height)]
