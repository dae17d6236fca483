"""Changes of the feed by the control port."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from sandbox.supplier.changes import FIELDS, Changes, Field
from sandbox.supplier.identity import ordinal_of, stone_id
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.search import criteria

Make = Callable[..., Inventory]

NO_CERTIFICATE = {"carats": None, "shape": None, "color": None, "clarity": None}


def rows(inventory: Inventory) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in inventory.truth(0, 100_000)}


def shown(inventory: Inventory, identity: str) -> dict[str, Any]:
    ordinal = inventory.find(ordinal_of(identity))
    assert ordinal is not None
    return inventory.item(ordinal)[0]


@pytest.mark.parametrize("field", ["price", "availability", "carats", "color", "clarity"])
def test_change_affects_selected_diamonds_only(field: Field, make_inventory: Make, clock: Any) -> None:
    inventory = make_inventory(300)
    before = rows(inventory)
    clock.advance(60)
    ids = Changes(inventory).change(40, 7, [field])
    after = rows(inventory)
    assert len(set(ids)) == 40
    for identity, row in after.items():
        changed = {name for name in row if row[name] != before[identity][name]}
        assert changed == ({field} if identity in ids else set())
        ordinal = ordinal_of(identity)
        assert ordinal is not None
        assert (inventory.stones.updated[ordinal] == inventory.now()) == (identity in ids)


def test_changed_prices_have_cents(make_inventory: Make) -> None:
    inventory = make_inventory(300, spread_of="real")
    assert all(row["price"] % 100 == 0 for row in rows(inventory).values())
    ids = Changes(inventory).change(100, 1, ["price"])
    assert all(rows(inventory)[identity]["price"] % 100 for identity in ids)


def test_same_seeds_produce_same_feed(make_inventory: Make) -> None:
    truths = []
    for seed in (1, 1, 2):
        inventory = make_inventory(200, bad_data_share=0.1)
        changes = Changes(inventory)
        changes.change(30, seed, FIELDS)
        changes.add(10, seed)
        changes.remove(10, seed)
        random = Random(seed)
        for kind in ("price", "add", "remove", "availability"):
            changes.drift(random, kind)
        truths.append(inventory.truth(0, 1_000))
    assert truths[0] == truths[1] != truths[2]


def test_added_diamonds_are_valid_and_removed_ones_are_gone(make_inventory: Make) -> None:
    inventory = make_inventory(50, bad_data_share=1.0)
    before = set(rows(inventory))
    added = Changes(inventory).add(20, 3)
    assert all(rows(inventory)[identity]["usable"] for identity in added)
    removed = Changes(inventory).remove(30, 3)
    assert set(rows(inventory)) == (before | set(added)) - set(removed)
    assert inventory.summary()["stones"] == 40
    assert inventory.find(ordinal_of(removed[0])) is None


def test_removing_more_than_exist_is_rejected(make_inventory: Make) -> None:
    inventory = make_inventory(5)
    assert len(Changes(inventory).remove(50, 1)) == 5
    assert Changes(inventory).remove(1, 2) == []
    assert Changes(inventory).drift(Random(1), "price") is None


def test_restored_diamond_is_unchanged_and_counts_as_updated(make_inventory: Make, clock: Any) -> None:
    inventory = make_inventory(50)
    before = rows(inventory)
    changes = Changes(inventory)
    removed = changes.remove(10, 3)
    clock.advance(60)
    assert changes.restore_removed([*removed[:4], removed[0]]) == removed[:4]
    assert rows(inventory) == {identity: row for identity, row in before.items() if identity not in removed[4:]}
    for identity in before:
        ordinal = ordinal_of(identity)
        assert ordinal is not None
        assert (inventory.stones.updated[ordinal] == inventory.now()) == (identity in removed[:4])


def test_only_removed_diamonds_can_be_restored(make_inventory: Make) -> None:
    inventory = make_inventory(5)
    (removed,) = Changes(inventory).remove(1, 3)
    with pytest.raises(KeyError):
        Changes(inventory).restore_removed([removed, stone_id(5)])
    assert inventory.summary()["stones"] == 4


def test_remove_by_id_is_atomic(make_inventory: Make) -> None:
    inventory = make_inventory(5)
    identity = inventory.truth(0, 1)[0]["id"]
    with pytest.raises(KeyError):
        Changes(inventory).remove_by_ids([identity, "nobody"])
    assert inventory.summary()["stones"] == 5


@pytest.mark.parametrize(
    ("values", "usable", "truth"),
    [
        ({"price": 123_456}, True, {"price": 123_456}),
        ({"carats": 1.005, "shape": "OVAL"}, True, {"carats": 1.005, "shape": "OVAL"}),
        ({"availability": "SOLD", "labgrown": True}, True, {"availability": "SOLD", "labgrown": True}),
        ({"color": "D", "clarity": "IF"}, True, {"color": "D", "clarity": "IF"}),
        ({"price": "4200"}, True, {"price": 4_200}),
        ({"shape": "oval"}, True, {"shape": "OVAL"}),
        ({"shape": "Lotus"}, True, {"shape": "Lotus"}),
        ({"clarity": None}, True, {"clarity": None}),
        ({"clarity": "SI4"}, True, {"clarity": "SI4"}),
        ({"labgrown": "LG", "labgrown_type": None}, False, {}),
        ({"eyeClean": "E2", "floInt": "", "diamond.sparkle": 3}, True, {}),
        ({"color": None}, False, {"color": None}),
        ({"lab": "WGI"}, False, {}),
        ({"availability": "ON HOLD"}, False, {"availability": "ON HOLD"}),
        ({"price": None}, False, {"price": None}),
        ({"price": 0}, False, {"price": 0}),
        ({"price": -5}, False, {"price": -5}),
        ({"price": "on request"}, False, {"price": None}),
        ({"price": 1 << 64}, False, {"price": None}),
        ({"carats": 0}, False, {"carats": None}),
        ({"carats": -1}, False, {"carats": None}),
        ({"certificate": None}, False, NO_CERTIFICATE),
        ({"diamond": "gone"}, False, {**NO_CERTIFICATE, "availability": None}),
        ({"comments": "a\x00b"}, False, {}),
        ({"shape": "\ud83d"}, False, {"shape": None}),
    ],
)
def test_update_is_served_and_can_be_reverted(
    values: dict[str, Any], usable: bool, truth: dict[str, Any], make_inventory: Make
) -> None:
    inventory = make_inventory(20)
    identity = inventory.truth(3, 1)[0]["id"]
    changes = Changes(inventory)
    changes.update(identity, {"price": 5_000})
    before = rows(inventory)[identity]
    changes.update(identity, values)
    assert rows(inventory)[identity] == before | truth | {"usable": usable}
    changes.restore(identity)
    assert rows(inventory)[identity]["usable"]


def test_true_value_removes_override(make_inventory: Make) -> None:
    inventory = make_inventory(20)
    identity = inventory.truth(0, 1)[0]["id"]
    changes = Changes(inventory)
    changes.update(identity, {"price": None, "comments": "kept"})
    changes.update(identity, {"price": 999})
    row = rows(inventory)[identity]
    assert (row["price"], row["usable"]) == (999, True)
    assert shown(inventory, identity)["diamond"]["certificate"]["comments"] == "kept"


def test_diamond_with_initial_bad_values_can_be_corrected(make_inventory: Make) -> None:
    inventory = make_inventory(300, bad_data_share=1.0)
    unpriced = [row["id"] for row in rows(inventory).values() if (row["price"] or 0) <= 0]
    changes = Changes(inventory)
    assert len(unpriced) > 5
    changes.update(unpriced[0], {"price": 31_415})
    assert rows(inventory)[unpriced[0]]["price"] == 31_415
    assert rows(inventory)[unpriced[0]]["usable"]
    changes.restore(unpriced[1])
    assert rows(inventory)[unpriced[1]]["price"] > 0


def test_update_keeps_other_bad_values(make_inventory: Make) -> None:
    inventory = make_inventory(300, bad_data_share=1.0)
    unpriced = next(row for row in rows(inventory).values() if (row["price"] or 0) <= 0)
    Changes(inventory).update(unpriced["id"], {"eyeClean": "E2"})
    assert shown(inventory, unpriced["id"])["diamond"]["eyeClean"] == "E2"
    assert rows(inventory)[unpriced["id"]] == unpriced


def test_true_origin_is_independent_of_served_flag(make_inventory: Make) -> None:
    inventory = make_inventory(50)
    changes = Changes(inventory)
    for identity, row in rows(inventory).items():
        changes.update(identity, {"diamond.certificate.labgrown": not row["labgrown"]})
        assert rows(inventory)[identity] == row | {"usable": False}
        assert shown(inventory, identity)["diamond"]["certificate"]["labgrown"] != row["labgrown"]


def test_unindexed_diamond_is_in_no_price_range_until_reindexed(make_inventory: Make) -> None:
    inventory = make_inventory(50)
    changes = Changes(inventory)
    identity = inventory.truth(7, 1)[0]["id"]
    before = rows(inventory)
    band = criteria({"dollar_value": {"from": 0, "to": 2**31 - 1}})
    changes.set_indexed(identity, indexed=False)
    assert rows(inventory) == before
    assert (inventory.search(band).count, inventory.search(criteria({})).count) == (49, 50)
    changes.update(identity, {"carats": 1})
    assert inventory.search(band).count == 49
    changes.set_indexed(identity, indexed=True)
    assert inventory.search(band).count == 50


def test_second_offer_is_another_row_of_same_diamond(make_inventory: Make) -> None:
    inventory = make_inventory(50)
    changes = Changes(inventory)
    (row,) = inventory.truth(7, 1)
    ordinal = ordinal_of(row["id"])
    offer = changes.add_offer(row["id"], 123_456)
    assert row["offer_id"] != offer
    assert inventory.summary()["stones"] == 51
    both = [found for found in inventory.truth(0, 100) if found["id"] == row["id"]]
    assert {found["offer_id"]: found for found in both} == {
        row["offer_id"]: row,
        offer: row | {"offer_id": offer, "price": 123_456},
    }
    found = inventory.search(criteria({"filter_ids": [row["id"]]}))
    items = [inventory.item(one)[0] for one in found.page(0, 50)]
    assert {item["id"] for item in items} == {row["offer_id"], offer}
    assert items[0]["diamond"] == items[1]["diamond"]
    assert {item["price"] for item in items} == {row["price"], 123_456}
    # A change of the diamond affects both offers, except for the price. Each offer has its own price and can be
    # removed.
    changes.update(row["id"], {"price": 99_900, "availability": "SOLD", "eyeClean": "E2"})
    changes.update(offer, {"price": 88_800})
    both = [found for found in inventory.truth(0, 100) if found["id"] == row["id"]]
    assert {(found["price"], found["availability"]) for found in both} == {(99_900, "SOLD"), (88_800, "SOLD")}
    assert ordinal is not None
    assert inventory.item(50)[0]["diamond"]["eyeClean"] == "E2"
    changes.update(row["id"], {"diamond.certificate": None})
    assert not any(found["usable"] for found in inventory.truth(0, 100) if found["id"] == row["id"])
    changes.remove_by_ids([offer])
    assert inventory.summary()["stones"] == 50
    changes.remove_by_ids([row["id"]])
    assert inventory.summary()["stones"] == 49


def test_random_changes_select_no_second_offer(make_inventory: Make) -> None:
    inventory = make_inventory(3)
    changes = Changes(inventory)
    identities = [row["id"] for row in inventory.truth(0, 3)]
    for number, identity in enumerate(identities):
        changes.add_offer(identity, 1_000 + number)
    assert sorted(changes.change(10, 1, ["price"])) == sorted(identities)
    assert sorted(changes.remove(10, 1)) == sorted(identities)
    assert inventory.summary()["stones"] == 0


@pytest.mark.parametrize("values", [{"weight": 1}, {"price": 1, "nonsense": 2}])
def test_unknown_field_is_rejected_and_nothing_is_changed(values: dict[str, Any], make_inventory: Make) -> None:
    inventory = make_inventory(5)
    row = inventory.truth(0, 1)[0]
    with pytest.raises(KeyError, match="no field"):
        Changes(inventory).update(row["id"], values)
    assert inventory.truth(0, 1)[0] == row


def test_largest_diamond_has_measurements(make_inventory: Make) -> None:
    inventory = make_inventory(30)
    for row in inventory.truth(0, 30):
        Changes(inventory).update(row["id"], {"carats": 10_000})
        assert float(shown(inventory, row["id"])["diamond"]["certificate"]["length"]) > 100


def test_summary_counts_ground_truth(make_inventory: Make) -> None:
    inventory = make_inventory(500, bad_data_share=0.3)
    Changes(inventory).remove(50, 1)
    usable = [row for row in rows(inventory).values() if row["usable"]]
    assert inventory.summary() == {
        "stones": 450,
        "usable": len(usable),
        "price_sum": sum(row["price"] for row in usable),
    }
