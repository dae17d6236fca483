"""The truth table of dirt."""

import json
from collections.abc import Callable

import pytest

from sandbox.supplier import dirt
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.payload import Item

USABLE = {
    "price_as_string",
    "carats_as_string",
    "measures_as_strings",
    "eye_clean",
    "fluorescence",
    "fancy_color",
    "lower_case",
    "empty_strings",
    "nulls",
    "unknown_shape",
    "unknown_field",
    "unicode",
}
UNUSABLE = {
    "certificate_null",
    "carats_zero",
    "carats_null",
    "carats_text",
    "price_null",
    "price_text",
    "price_negative",
    "price_out_of_range",
    "nul_character",
    "lone_surrogate",
}


@pytest.fixture
def item(make_inventory: Callable[..., Inventory]) -> Item:
    return make_inventory(3, spread_of="real").item(2)[0]


def test_the_table_names_every_kind() -> None:
    assert set(dirt.USABLE) == USABLE
    assert set(dirt.UNUSABLE) == UNUSABLE


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", sorted(USABLE))
def test_usable_dirt_can_be_understood(kind: str, seed: int, item: Item) -> None:
    clean = json.dumps(item)
    dirt.smear(kind, item, seed)
    assert json.dumps(item) != clean
    assert dirt.usable(item)


@pytest.mark.parametrize("kind", sorted(UNUSABLE))
def test_unusable_dirt_can_not_be_understood(kind: str, item: Item) -> None:
    assert dirt.usable(item)
    dirt.smear(kind, item, 1)
    assert not dirt.usable(item)


@pytest.mark.parametrize(
    ("shown", "price"),
    [(5, 5), (-5, -5), ("12", 12), (" 12 ", 12), ("-7", -7), ("12.5", None), ("POA", None), (None, None), (True, None)],
)
def test_a_price_is_what_reads_as_a_whole_number(shown: object, price: int | None) -> None:
    assert dirt.read_price(shown) == price


@pytest.mark.parametrize("shown", [0, -1, "0", "", "N/A", "nan", "Infinity", None, True, [1]])
def test_what_is_no_positive_number_is_no_weight(shown: object) -> None:
    assert dirt.read_carats(shown) is None


def test_a_zero_price_is_no_price_to_sell_at(item: Item) -> None:
    item["price"] = 0
    assert not dirt.usable(item)


def test_the_share_of_dirty_stones_is_what_was_asked_for() -> None:
    dirty = [dirt.kind_of(7, ordinal, 0.1) for ordinal in range(20_000)]
    assert sum(kind is not None for kind in dirty) == pytest.approx(2_000, rel=0.1)
    assert set(dirty) == {None, *USABLE, *UNUSABLE}
    assert not any(dirt.kind_of(7, ordinal, 0) for ordinal in range(1_000))
    assert all(dirt.kind_of(7, ordinal, 1) for ordinal in range(1_000))


def test_dirt_is_the_same_for_the_same_seed() -> None:
    first = [dirt.kind_of(3, ordinal, 0.5) for ordinal in range(200)]
    assert first == [dirt.kind_of(3, ordinal, 0.5) for ordinal in range(200)]
    assert first != [dirt.kind_of(4, ordinal, 0.5) for ordinal in range(200)]


def test_every_kind_shows_in_the_truth_as_what_it_is(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(3_000, dirt_share=1.0, spread_of="real")
    clean = make_inventory(3_000, spread_of="real")
    by_id = {row["id"]: row for row in clean.truth(0, 3_000)}
    for row in inventory.truth(0, 3_000):
        if row["usable"]:
            assert row["price"] == by_id[row["id"]]["price"]
            assert row["carats"] == by_id[row["id"]]["carats"]
            assert row["clarity"] == by_id[row["id"]]["clarity"]
    assert 0 < inventory.summary()["usable"] < 3_000
