"""Bad values of the initial feed, and the definition of a usable diamond."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.supplier import bad_values
from sandbox.supplier.bad_values import KINDS
from sandbox.supplier.completion import complete_whole
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.payload import Item
from sandbox.supplier.search import criteria
from sandbox.supplier.served_schema import SchemaOptions, ServedSchema

KIND = ServedSchema(SchemaOptions()).object_type("DiamondItem")
USABLE = {
    "measures_padded",
    "measures_unreadable",
    "stock_id_for_certificate",
    "eye_clean",
    "unknown_enum_values",
    "fancy_color",
    "lower_case",
    "empty_texts",
    "nulls",
    "unknown_shape",
    "hidden_details",
    "unicode",
}
NULL_ITEMS = {"certificate_null", "carats_null", "unknown_lab", "unknown_color"}
UNUSABLE = {
    *NULL_ITEMS,
    "carats_zero",
    "carats_negative",
    "price_zero",
    "price_negative",
    "nul_character",
    "lone_surrogate",
}


@pytest.fixture
def item(make_inventory: Callable[..., Inventory]) -> Item:
    return make_inventory(3, spread_of="real").item(2)[0]


def served(item: Item) -> Any:
    return complete_whole(KIND, item)


def test_table_names_every_kind() -> None:
    assert {name for name, kind in KINDS.items() if kind.usable} == USABLE
    assert {name for name, kind in KINDS.items() if not kind.usable} == UNUSABLE


@pytest.mark.parametrize("spread_of", ["real", "density"])
def test_generated_items_are_valid(spread_of: str, make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(2_000, spread_of=spread_of)
    for ordinal in range(0, 2_000, 7):
        stored = inventory.clean_item(ordinal)
        assert served(stored) == stored


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_changes_values_and_has_listed_usability(kind: str, seed: int, item: Item) -> None:
    clean = json.dumps(item)
    assert bad_values.usable(served(item), lab_grown=False)
    bad_values.override(item, bad_values.values_of(kind, item, seed))
    assert json.dumps(item) != clean
    shown = served(item)
    assert bad_values.usable(shown, lab_grown=False) == (kind in USABLE)
    assert (shown is None) == (kind in NULL_ITEMS)


@pytest.mark.parametrize(
    "values",
    [
        {("price",): "on request"},
        {("price",): None},
        {("price",): 1 << 31},
        {("diamond", "certificate", "carats"): "N/A"},
        {("diamond", "certificate", "polish"): ""},
        {("diamond", "certificate", "length"): None},
        {("diamond", "availability"): "ON HOLD"},
        {("diamond", "delivery_time"): None},
        {("diamond", "delivery_time", "min_business_days"): None},
        {("diamond", "inclusions"): [None]},
        {("diamond",): "gone"},
        {("id",): None},
    ],
)
def test_value_invalid_for_non_null_field_makes_item_null(values: bad_values.Overrides, item: Item) -> None:
    bad_values.override(item, values)
    assert served(item) is None


@pytest.mark.parametrize(
    ("values", "place", "shown"),
    [
        ({("price",): "4200"}, ("price",), 4200),
        ({("diamond", "certificate", "clarity"): "SI4"}, ("diamond", "certificate", "clarity"), None),
        ({("diamond", "certificate", "labgrown"): "LG"}, ("diamond", "certificate", "labgrown"), None),
        ({("diamond", "certificate", "table"): 57.5}, ("diamond", "certificate", "table"), "57.5"),
        ({("diamond", "supplier", "name"): None}, ("diamond", "supplier"), None),
        ({("diamond", "sparkle"): 3}, ("diamond", "sparkle"), None),
    ],
)
def test_value_is_served_by_type_or_as_null(
    values: bad_values.Overrides, place: bad_values.Path, shown: object, item: Item
) -> None:
    bad_values.override(item, values)
    found: Any = served(item)
    for name in place:
        found = found.get(name)
    assert found == shown


@pytest.mark.parametrize(
    ("flag", "growth", "lab_grown", "usable"),
    [
        (False, None, False, True),
        (True, "CVD", True, True),
        (True, None, True, True),
        (None, "HPHT", True, True),
        ("LG", "CVD", True, True),
        ("NATURAL", None, False, False),
        (None, None, False, False),
        (True, None, False, False),
        (False, None, True, False),
        (False, "CVD", True, False),
        (False, "cvd", False, True),
    ],
)
def test_diamond_is_usable_when_it_states_origin(
    flag: object, growth: object, lab_grown: bool, usable: bool, item: Item
) -> None:
    bad_values.override(item, bad_values.certificate(labgrown=flag, labgrown_type=growth))
    assert bad_values.usable(served(item), lab_grown=lab_grown) == usable


def test_override_does_not_change_shared_values_of_other_items(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(60)
    before = [json.dumps(inventory.clean_item(ordinal)) for ordinal in range(60)]
    bad_values.override(inventory.clean_item(0), {("diamond", "supplier", "name"): "Nobody"})
    assert [json.dumps(inventory.clean_item(ordinal)) for ordinal in range(60)] == before


def test_share_of_bad_values_is_requested_one() -> None:
    bad = [bad_values.kind_of(7, ordinal, 0.1) for ordinal in range(20_000)]
    assert sum(kind is not None for kind in bad) == pytest.approx(2_000, rel=0.1)
    assert set(bad) == {None, *USABLE, *UNUSABLE}
    assert not any(bad_values.kind_of(7, ordinal, 0) for ordinal in range(1_000))
    assert all(bad_values.kind_of(7, ordinal, 1) for ordinal in range(1_000))


def test_bad_values_are_reproducible_by_seed() -> None:
    first = [bad_values.kind_of(3, ordinal, 0.5) for ordinal in range(200)]
    assert first == [bad_values.kind_of(3, ordinal, 0.5) for ordinal in range(200)]
    assert first != [bad_values.kind_of(4, ordinal, 0.5) for ordinal in range(200)]


def test_default_feed_has_106_unusable_diamonds() -> None:
    kinds = [bad_values.kind_of(1, ordinal, 0.004) for ordinal in range(53_940)]
    assert sum(kind is not None and not KINDS[kind].usable for kind in kinds) == 106


def test_every_kind_is_described_in_ground_truth(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(3_000, bad_data_share=1.0, spread_of="real")
    clean = make_inventory(3_000, spread_of="real")
    by_id = {row["id"]: row for row in clean.truth(0, 3_000)}
    for row in inventory.truth(0, 3_000):
        if row["usable"]:
            for name in ("price", "carats", "clarity", "availability", "labgrown"):
                assert row[name] == by_id[row["id"]][name]
    assert 0 < inventory.summary()["usable"] < 3_000


def test_price_ranges_find_every_diamond(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(2_000, bad_data_share=1.0)
    shown = [row["price"] for row in inventory.truth(0, 2_000)]
    assert any(price is not None and price < 0 for price in shown)
    everything = {"dollar_value": {"from": 0, "to": 2**31 - 1}}
    assert inventory.search(criteria(everything)).count == 2_000
