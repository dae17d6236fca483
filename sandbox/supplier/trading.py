"""Holds and orders, as loosely as the supplier keeps them: no idempotency, no query for orders.

A hold shows in the feed: the stone reads HOLD while it lasts. An order makes the stone SOLD at once and stays `ordered`
until the control API confirms or declines it, as the supplier does by e-mail.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import msgspec

from sandbox.supplier.accounts import Account
from sandbox.supplier.completion import Refused
from sandbox.supplier.identity import ordinal_of, stone_id
from sandbox.supplier.inventory import Inventory

_FREE = "AVAILABLE"
_HELD, _SOLD = "HOLD", "SOLD"
_ORDERS = 10_000

ExtensionStatus = Literal["NOT_APPLICABLE", "SUPPLIER_EXTENDED", "REQUESTED", "ACCEPTED", "REJECTED", "EXPIRY_NOTIFIED"]
OrderState = Literal["ordered", "confirmed", "declined"]
AfterDecline = Literal["sold", "available", "removed"]


class Hold(msgspec.Struct):
    """A hold that was granted."""

    id: UUID
    ordinal: int
    account: str
    requested: datetime
    until: datetime
    extension_status: ExtensionStatus = "NOT_APPLICABLE"

    @property
    def stone_id(self) -> str:
        return stone_id(self.ordinal)


class OrderItem(msgspec.Struct, frozen=True, rename={"offer_id": "offerId", "destination_id": "destinationId"}):
    offer_id: str
    customer_comment: str | None = None
    customer_order_number: str | None = None
    return_option: bool | None = None
    destination_id: str | None = None


class OrderedItem(msgspec.Struct, frozen=True):
    """An item of an order: its id (`OrderItemId`), the stone, what was asked for, and whether it may be returned."""

    id: UUID
    stone_id: str
    ordinal: int
    item: OrderItem
    returnable: bool


class Order(msgspec.Struct):
    id: UUID
    account: str
    created: datetime
    items: tuple[OrderedItem, ...]
    state: OrderState = "ordered"


class Trading:
    """The open holds and the last 10,000 orders."""

    def __init__(self, inventory: Inventory, hold_seconds: float) -> None:
        self._inventory = inventory
        self._hold_time = timedelta(seconds=hold_seconds)
        self._holds: dict[int, Hold] = {}
        self._orders: OrderedDict[UUID, Order] = OrderedDict()
        # The last order of a stone that was not declined.
        self._bought: dict[int, tuple[str, OrderedItem]] = {}

    # What an account sees

    def hold_id(self, ordinal: int, account: Account) -> str | None:
        """The id of the hold on a stone, which only its holder may see."""
        hold = self._holds.get(self._inventory.first_offer(ordinal))
        return str(hold.id) if hold is not None and hold.account == account.username else None

    def order_item_id(self, ordinal: int, account: Account) -> str | None:
        """The id of the last order of a stone, which only the account that ordered may see."""
        buyer, item = self._bought.get(self._inventory.first_offer(ordinal), (None, None))
        return str(item.id) if item is not None and buyer == account.username else None

    def holds_of(self, account: Account) -> list[Hold]:
        return [hold for hold in self._holds.values() if hold.account == account.username]

    # What an account does

    def create_hold(self, product_id: str, account: Account) -> Hold | None:
        """Hold a stone; None if that is denied (not there, not available, held already).

        A product id is the bare stone id: an offer id is denied.
        """
        ordinal = None if "/" in product_id else self._inventory.find(ordinal_of(product_id))
        if ordinal is None or self._inventory.availability(ordinal) != _FREE:
            return None
        now = self._inventory.clock()
        hold = self._holds[ordinal] = Hold(uuid4(), ordinal, account.username, now, now + self._hold_time)
        self._inventory.set_availability(ordinal, _HELD)
        return hold

    def cancel_hold(self, hold_id: str, account: Account) -> Hold:
        """End a hold.

        Raises:
            Refused: this account has no such hold (any more).
        """
        hold = self._hold(hold_id)
        if hold is None or hold.account != account.username:
            raise Refused("Hold not found")
        self._end(hold)
        return hold

    def create_order(self, items: list[OrderItem], account: Account) -> Order:
        """Order stones. The account that ordered a stone and orders it again orders it twice.

        Raises:
            Refused: a stone is not there, or not available to this account (then nothing is ordered).
        """
        ordinals = [self._orderable(item, account) for item in items]
        if not ordinals:
            raise Refused("An order needs items")
        ordered = tuple(
            OrderedItem(
                uuid4(),
                stone_id(ordinal),
                ordinal,
                item,
                bool(item.return_option) and self._inventory.returnable(ordinal),
            )
            for item, ordinal in zip(items, ordinals, strict=True)
        )
        order = Order(uuid4(), account.username, self._inventory.clock(), ordered)
        self._orders[order.id] = order
        if len(self._orders) > _ORDERS:
            self._orders.popitem(last=False)
        for one in ordered:
            self._holds.pop(one.ordinal, None)
            self._bought[one.ordinal] = account.username, one
            self._inventory.set_availability(one.ordinal, _SOLD)
        return order

    def expire(self) -> None:
        """End the holds whose time has come."""
        now = self._inventory.clock()
        for hold in [hold for hold in self._holds.values() if hold.until <= now]:
            self._end(hold)

    # What the supplier does

    def holds(self) -> list[Hold]:
        self.expire()
        return list(self._holds.values())

    def orders(self) -> list[Order]:
        return list(self._orders.values())

    def extend(self, hold_id: str, seconds: float, status: ExtensionStatus) -> Hold:
        """Let a hold end later.

        Raises:
            KeyError: there is no such hold (any more).
        """
        self.expire()
        hold = self._hold(hold_id)
        if hold is None:
            raise KeyError(f"there is no open hold {hold_id!r}")
        hold.until += timedelta(seconds=seconds)
        hold.extension_status = status
        return hold

    def confirm(self, order_id: str) -> Order:
        """Confirm an order.

        Raises:
            KeyError: there is no such order, or it is not open.
        """
        order = self._open(order_id)
        order.state = "confirmed"
        return order

    def decline(self, order_id: str, after: AfterDecline) -> Order:
        """Decline an order. `after`: its stones stay sold (to another customer), become available, or leave the feed.

        Raises:
            KeyError: there is no such order, or it is not open.
        """
        order = self._open(order_id)
        order.state = "declined"
        for one in order.items:
            if self._bought.get(one.ordinal, (None, None))[1] is not one:
                continue  # ordered again since
            del self._bought[one.ordinal]
            if self._inventory.find(one.ordinal) is None:
                continue
            if after == "removed":
                self._inventory.remove(one.ordinal)
            elif after == "available":
                self._inventory.set_availability(one.ordinal, _FREE)
        return order

    def _open(self, order_id: str) -> Order:
        order = next((order for order in self._orders.values() if str(order.id) == order_id.lower()), None)
        if order is None:
            raise KeyError(f"there is no order {order_id!r}")
        if order.state != "ordered":
            raise KeyError(f"the order {order_id!r} is {order.state} already")
        return order

    def _hold(self, hold_id: str) -> Hold | None:
        return next((hold for hold in self._holds.values() if str(hold.id) == hold_id.lower()), None)

    def _orderable(self, item: OrderItem, account: Account) -> int:
        ordinal = self._inventory.find(ordinal_of(item.offer_id)) if "/" in item.offer_id else None
        if ordinal is None:
            raise Refused(f"Offer {item.offer_id} not found")
        ordinal = self._inventory.first_offer(ordinal)
        hold = self._holds.get(ordinal)
        mine = hold.account if hold else self._bought.get(ordinal, (None,))[0]
        if self._inventory.availability(ordinal) != _FREE and mine != account.username:
            raise Refused(f"Offer {item.offer_id} is not available")
        return ordinal

    def _end(self, hold: Hold) -> None:
        del self._holds[hold.ordinal]
        # Unless the feed has said something else about the stone in the meantime.
        if self._inventory.find(hold.ordinal) is not None and self._inventory.availability(hold.ordinal) == _HELD:
            self._inventory.set_availability(hold.ordinal, _FREE)
