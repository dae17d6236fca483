"""Holds and orders with the supplier's semantics."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.supplier.accounts import Account
from sandbox.supplier.changes import Changes
from sandbox.supplier.completion import Refused
from sandbox.supplier.identity import ordinal_of
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.trading import AfterDecline, OrderItem, Trading

ANNA, BEN = Account("anna", "a"), Account("ben", "b")


@pytest.fixture
def inventory(make_inventory: Callable[..., Inventory]) -> Inventory:
    inventory = make_inventory(40)
    for row in inventory.truth(0, 40):
        Changes(inventory).update(row["id"], {"availability": "AVAILABLE"})
    return inventory


@pytest.fixture
def trading(inventory: Inventory) -> Trading:
    return Trading(inventory, hold_seconds=600)


@pytest.fixture
def stone(inventory: Inventory) -> str:
    return str(inventory.truth(0, 1)[0]["id"])


def standing(inventory: Inventory, stone: str) -> str | None:
    return inventory.availability(ordinal_of(stone) or 0)


def test_hold_is_visible_to_holder_only_and_blocks_others(
    trading: Trading, inventory: Inventory, stone: str, clock: Any
) -> None:
    hold = trading.create_hold(stone, ANNA)
    assert hold is not None
    assert (hold.until - clock()).total_seconds() == 600
    assert standing(inventory, stone) == "HOLD"
    assert trading.hold_id(hold.ordinal, ANNA) == str(hold.id)
    assert trading.hold_id(hold.ordinal, BEN) is None
    assert trading.create_hold(stone, BEN) is None
    assert trading.create_hold(stone, ANNA) is None


@pytest.mark.parametrize("availability", ["SOLD", "MEMO", "SOLD_OUT", "NOT_AVAILABLE", "ON_HOLD"])
def test_unavailable_diamond_cannot_be_held(
    availability: str, trading: Trading, inventory: Inventory, stone: str
) -> None:
    Changes(inventory).update(stone, {"availability": availability})
    assert trading.create_hold(stone, ANNA) is None


def test_only_diamond_id_in_feed_can_be_held(trading: Trading, inventory: Inventory, stone: str) -> None:
    assert trading.create_hold(f"DIAMOND/{stone}", ANNA) is None
    assert trading.create_hold("nonsense", ANNA) is None
    Changes(inventory).remove_by_ids([stone])
    assert trading.create_hold(stone, ANNA) is None


def test_only_holder_cancels_and_only_once(trading: Trading, inventory: Inventory, stone: str) -> None:
    hold = trading.create_hold(stone, ANNA)
    assert hold is not None
    with pytest.raises(Refused):
        trading.cancel_hold(str(hold.id), BEN)
    trading.cancel_hold(str(hold.id), ANNA)
    assert standing(inventory, stone) == "AVAILABLE"
    with pytest.raises(Refused):
        trading.cancel_hold(str(hold.id), ANNA)


def test_hold_expires(trading: Trading, inventory: Inventory, stone: str, clock: Any) -> None:
    trading.create_hold(stone, ANNA)
    clock.advance(599)
    trading.expire()
    assert standing(inventory, stone) == "HOLD"
    clock.advance(1)
    trading.expire()
    assert standing(inventory, stone) == "AVAILABLE"


def test_expired_hold_does_not_undo_later_feed_change(
    trading: Trading, inventory: Inventory, stone: str, clock: Any
) -> None:
    trading.create_hold(stone, ANNA)
    Changes(inventory).update(stone, {"availability": "SOLD"})
    clock.advance(600)
    trading.expire()
    assert standing(inventory, stone) == "SOLD"


def test_repeated_order_buys_twice(trading: Trading, inventory: Inventory, stone: str) -> None:
    item = OrderItem(f"DIAMOND/{stone}", customer_order_number="A-1")
    first, second = (trading.create_order([item], ANNA) for _ in range(2))
    assert first.id != second.id
    assert first.items[0].id != second.items[0].id
    assert standing(inventory, stone) == "SOLD"


def test_diamond_held_by_another_account_cannot_be_ordered(trading: Trading, stone: str) -> None:
    item = OrderItem(f"DIAMOND/{stone}")
    trading.create_hold(stone, ANNA)
    with pytest.raises(Refused):
        trading.create_order([item], BEN)
    trading.create_order([item], ANNA)
    with pytest.raises(Refused):
        trading.create_order([item], BEN)


def test_order_is_atomic(trading: Trading, inventory: Inventory, stone: str) -> None:
    for other in (stone, "DIAMOND/nobody"):  # a diamond id is no offer id
        with pytest.raises(Refused):
            trading.create_order([OrderItem(f"DIAMOND/{stone}"), OrderItem(other)], ANNA)
    with pytest.raises(Refused):
        trading.create_order([], ANNA)
    assert standing(inventory, stone) == "AVAILABLE"


def test_return_option_is_ignored_for_non_returnable_diamond(trading: Trading, inventory: Inventory) -> None:
    seen = set()
    for row in inventory.truth(0, 40):
        stored, _ = inventory.item(ordinal_of(row["id"]) or 0)
        window = stored["diamond"]["return_window"]
        (item,) = trading.create_order([OrderItem(row["offer_id"], return_option=True)], ANNA).items
        assert item.returnable == (window > 0)
        seen.add(window)
        assert not trading.create_order([OrderItem(row["offer_id"])], ANNA).items[0].returnable
    assert seen == {0, 7}


def test_extended_hold_expires_later(trading: Trading, inventory: Inventory, stone: str, clock: Any) -> None:
    hold = trading.create_hold(stone, ANNA)
    assert hold is not None
    clock.advance(500)
    extended = trading.extend(str(hold.id), 600, "SUPPLIER_EXTENDED")
    assert (extended.until - clock()).total_seconds() == 700
    assert extended.extension_status == "SUPPLIER_EXTENDED"
    clock.advance(699)
    assert [held.stone_id for held in trading.holds()] == [stone]
    assert trading.holds_of(BEN) == []
    clock.advance(1)
    assert trading.holds() == []
    assert standing(inventory, stone) == "AVAILABLE"
    with pytest.raises(KeyError):
        trading.extend(str(hold.id), 600, "SUPPLIER_EXTENDED")


def test_order_item_id_is_visible_to_buyer_until_decline(trading: Trading, inventory: Inventory, stone: str) -> None:
    ordinal = ordinal_of(stone) or 0
    order = trading.create_order([OrderItem(f"DIAMOND/{stone}")], ANNA)
    assert trading.order_item_id(ordinal, ANNA) == str(order.items[0].id)
    assert trading.order_item_id(ordinal, BEN) is None
    assert [(known.id, known.state) for known in trading.orders()] == [(order.id, "ordered")]
    trading.decline(str(order.id), "sold")
    assert trading.order_item_id(ordinal, ANNA) is None
    assert trading.orders()[0].state == "declined"
    with pytest.raises(Refused, match="not available"):
        trading.create_order([OrderItem(f"DIAMOND/{stone}")], ANNA)


@pytest.mark.parametrize(("after", "word"), [("sold", "SOLD"), ("available", "AVAILABLE"), ("removed", None)])
def test_declined_order_leaves_diamonds_in_requested_state(
    after: AfterDecline, word: str | None, trading: Trading, inventory: Inventory, stone: str
) -> None:
    order = trading.create_order([OrderItem(f"DIAMOND/{stone}")], ANNA)
    trading.decline(str(order.id), after)
    found = inventory.find(ordinal_of(stone))
    assert (None if found is None else standing(inventory, stone)) == word


def test_order_is_confirmed_or_declined_once(trading: Trading, inventory: Inventory, stone: str) -> None:
    order = trading.create_order([OrderItem(f"DIAMOND/{stone}")], ANNA)
    assert trading.confirm(str(order.id)).state == "confirmed"
    with pytest.raises(KeyError, match="already confirmed"):
        trading.confirm(str(order.id))
    with pytest.raises(KeyError, match="already confirmed"):
        trading.decline(str(order.id), "available")
    with pytest.raises(KeyError, match="no order"):
        trading.confirm("x")
    assert standing(inventory, stone) == "SOLD"


def test_decline_does_not_affect_later_order_of_same_diamond(
    trading: Trading, inventory: Inventory, stone: str
) -> None:
    first, second = (trading.create_order([OrderItem(f"DIAMOND/{stone}")], ANNA) for _ in range(2))
    trading.decline(str(first.id), "available")
    assert trading.order_item_id(ordinal_of(stone) or 0, ANNA) == str(second.items[0].id)
    assert standing(inventory, stone) == "SOLD"
