"""Distribution of diamonds: real data and generated values."""

import csv
import gzip
import json
from importlib.resources import files

import pytest

from sandbox.supplier.spread import add, fill
from sandbox.supplier.stones import Stones

START = 1_700_000_000_000_000
DAY = 86_400_000_000
REAL = 53_940


@pytest.fixture(scope="module")
def real() -> Stones:
    stones = Stones()
    fill(stones, count=REAL + 3_000, seed=1, spread="real", start=START)
    return stones


@pytest.fixture(scope="module")
def dense() -> Stones:
    stones = Stones()
    fill(stones, count=60_000, seed=1, spread="density", start=START)
    return stones


def test_first_diamonds_are_real_ones_in_file_order(real: Stones) -> None:
    source = gzip.decompress((files("sandbox") / "data" / "diamonds-53940.csv.gz").read_bytes()).decode()
    rows = list(csv.DictReader(source.splitlines()))
    assert len(rows) == REAL
    assert list(real.price[:REAL]) == [int(row["price"]) * 100 for row in rows]
    assert list(real.carats[:REAL]) == [round(float(row["carat"]) * 1000) for row in rows]
    assert [real.colors.word(number) for number in real.color[:REAL]] == [row["color"] for row in rows]
    assert [real.clarities.word(number) for number in real.clarity[:REAL]] == [row["clarity"] for row in rows]
    codes = {"Ideal": "ID", "Premium": "EX", "Very Good": "VG", "Good": "G", "Fair": "F"}
    assert [real.cuts.word(number) for number in real.cut[:REAL]] == [codes[row["cut"]] for row in rows]
    for name, column in real.measured.items():
        assert list(column) == [round(float(row[name]) * 100) for row in rows]
    assert {real.shapes.word(number) for number in real.shape[:REAL]} == {"ROUND"}


def test_generated_diamonds_follow_real_ones_without_gap(real: Stones) -> None:
    assert len(real) == REAL + 3_000
    assert {real.shapes.word(number) for number in real.shape[REAL:]} > {"ROUND", "OVAL", "PEAR"}


def test_smaller_supplier_is_prefix_of_larger_one(real: Stones) -> None:
    few = Stones()
    fill(few, count=5_000, seed=1, spread="real", start=START)
    assert all(few.record(ordinal) == real.record(ordinal) for ordinal in range(5_000))
    assert few.updated == real.updated[:5_000]


def test_another_seed_generates_other_diamonds() -> None:
    one, two = Stones(), Stones()
    fill(one, count=100, seed=1, spread="density", start=START)
    fill(two, count=100, seed=2, spread="density", start=START)
    assert one.price != two.price


def test_distribution_follows_measured_bands(dense: Stones) -> None:
    source = json.loads((files("sandbox") / "data" / "nivoda-price-density.json").read_bytes())
    for low, high, count in source["by_price_usd"]:
        share = sum(low * 100 <= price <= high * 100 for price in dense.price) / len(dense)
        expected = count / source["total"]
        # Six standard deviations of a sample of this size: a property of the weights, independent of the seed.
        assert abs(share - expected) <= 6 * (expected / len(dense)) ** 0.5


def test_share_between_bands_is_measured_share(dense: Stones) -> None:
    source = json.loads((files("sandbox") / "data" / "nivoda-price-density.json").read_bytes())
    bands = [(low * 100, high * 100) for low, high, _ in source["by_price_usd"]]
    between = sum(not any(low <= price <= high for low, high in bands) for price in dense.price)
    missed = source["total"] - sum(count for *_, count in source["by_price_usd"])
    assert missed == 9_078
    assert between / len(dense) == pytest.approx(missed / source["total"], abs=0.004)


def test_initial_diamonds_changed_2_to_30_days_ago(dense: Stones) -> None:
    assert min(dense.updated) >= START - 30 * DAY
    assert max(dense.updated) <= START - 2 * DAY
    assert all(created <= updated for created, updated in zip(dense.created, dense.updated, strict=True))


def test_generated_diamonds_have_every_kind(dense: Stones) -> None:
    words = {dense.availabilities.word(number) for number in dense.availability}
    assert words == {
        "AVAILABLE", "HOLD", "ON_HOLD", "SOLD", "MEMO", "ON_MEMO", "CONSIGNMENT", "NOT_AVAILABLE", "SOLD_OUT",
    }  # fmt: skip
    for flag in (1, 2, 4, 8):
        assert 0 < sum(bool(value & flag) for value in dense.flags) < len(dense)
    assert "FANCY" in {dense.colors.word(number) for number in dense.color}


def test_added_diamonds_depend_on_seed_and_are_stamped_now() -> None:
    prices = []
    for seed in (5, 5, 6):
        stones = Stones()
        fill(stones, count=10, seed=1, spread="real", start=START)
        assert add(stones, count=3, seed=seed, now=START + 7) == [10, 11, 12]
        assert list(stones.updated[10:]) == [START + 7] * 3
        prices.append(list(stones.price[10:]))
    assert prices[0] == prices[1] != prices[2]
