"""Holds and orders with the supplier's guarantees: no idempotency, no query for orders.

The feed shows availability HOLD while a hold is open. An order sets SOLD immediately and stays `ordered` until the
control API confirms or declines it, as the supplier does by e-mail.
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

_AVAILABLE = "AVAILABLE"
_HELD, _SOLD = "HOLD", "SOLD"
_ORDERS = 10_000

ExtensionStatus = Literal["NOT_APPLICABLE", "SUPPLIER_EXTENDED", "REQUESTED", "ACCEPTED", "REJECTED", "EXPIRY_NOTIFIED"]
OrderState = Literal["ordered", "confirmed", "declined"]
AfterDecline = Literal["sold", "available", "removed"]


class Hold(msgspec.Struct):
    """A granted hold."""

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
    """An item of an order. `id`: the `OrderItemId`; `item`: the request; `returnable`: whether it may be returned."""

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
    """Open holds and the last 10,000 orders."""

    def __init__(self, inventory: Inventory, hold_seconds: float) -> None:
        self._inventory = inventory
        self._hold_time = timedelta(seconds=hold_seconds)
        self._holds: dict[int, Hold] = {}
        self._orders: OrderedDict[UUID, Order] = OrderedDict()
        # By ordinal: account and item of the last order that was not declined.
        self._last_orders: dict[int, tuple[str, OrderedItem]] = {}

    # Queries of an account

    def hold_id(self, ordinal: int, account: Account) -> str | None:
        """Id of the hold on a stone. Returns None unless the account has the hold."""
        hold = self._holds.get(self._inventory.first_offer(ordinal))
        return str(hold.id) if hold is not None and hold.account == account.username else None

    def order_item_id(self, ordinal: int, account: Account) -> str | None:
        """Item id of the last order of a stone. Returns None unless the account placed the order."""
        buyer, item = self._last_orders.get(self._inventory.first_offer(ordinal), (None, None))
        return str(item.id) if item is not None and buyer == account.username else None

    def holds_of(self, account: Account) -> list[Hold]:
        return [hold for hold in self._holds.values() if hold.account == account.username]

    # Mutations of an account

    def create_hold(self, product_id: str, account: Account) -> Hold | None:
        """Place a hold on a stone. Returns None if it is denied: unknown, not available, or already on hold.

        `product_id`: a stone id without prefix. An offer id is denied.
        """
        ordinal = None if "/" in product_id else self._inventory.find(ordinal_of(product_id))
        if ordinal is None or self._inventory.availability(ordinal) != _AVAILABLE:
            return None
        now = self._inventory.clock()
        hold = self._holds[ordinal] = Hold(uuid4(), ordinal, account.username, now, now + self._hold_time)
        self._inventory.set_availability(ordinal, _HELD)
        return hold

    def cancel_hold(self, hold_id: str, account: Account) -> Hold:
        """End a hold.

        Raises:
            Refused: the account has no such open hold.
        """
        hold = self._hold(hold_id)
        if hold is None or hold.account != account.username:
            raise Refused("Hold not found")
        self._end(hold)
        return hold

    def create_order(self, items: list[OrderItem], account: Account) -> Order:
        """Order stones. A repeated order by the same account is a second order.

        Raises:
            Refused: a stone is unknown or not available to the account (no stone is ordered).
        """
        ordinals = [self._orderable(item, account) for item in items]
        if not ordinals:
            raise Refused("An order must have at least one item")
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
            self._last_orders[one.ordinal] = account.username, one
            self._inventory.set_availability(one.ordinal, _SOLD)
        return order

    def expire(self) -> None:
        """End the holds that have expired."""
        now = self._inventory.clock()
        for hold in [hold for hold in self._holds.values() if hold.until <= now]:
            self._end(hold)

    # Actions of the supplier

    def holds(self) -> list[Hold]:
        self.expire()
        return list(self._holds.values())

    def orders(self) -> list[Order]:
        return list(self._orders.values())

    def extend(self, hold_id: str, seconds: float, status: ExtensionStatus) -> Hold:
        """Extend a hold by `seconds`.

        Raises:
            KeyError: there is no such open hold.
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
            KeyError: the order does not exist or is not open.
        """
        order = self._open(order_id)
        order.state = "confirmed"
        return order

    def decline(self, order_id: str, after: AfterDecline) -> Order:
        """Decline an order. `after`: state of its stones: sold (to another customer), available, or removed from the feed.

        Raises:
            KeyError: the order does not exist or is not open.
        """
        order = self._open(order_id)
        order.state = "declined"
        for one in order.items:
            if self._last_orders.get(one.ordinal, (None, None))[1] is not one:
                continue  # a later order exists
            del self._last_orders[one.ordinal]
            if self._inventory.find(one.ordinal) is None:
                continue
            if after == "removed":
                self._inventory.remove(one.ordinal)
            elif after == "available":
                self._inventory.set_availability(one.ordinal, _AVAILABLE)
        return order

    def _open(self, order_id: str) -> Order:
        order = next((order for order in self._orders.values() if str(order.id) == order_id.lower()), None)
        if order is None:
            raise KeyError(f"there is no order {order_id!r}")
        if order.state != "ordered":
            raise KeyError(f"the order {order_id!r} is already {order.state}")
        return order

    def _hold(self, hold_id: str) -> Hold | None:
        return next((hold for hold in self._holds.values() if str(hold.id) == hold_id.lower()), None)

    def _orderable(self, item: OrderItem, account: Account) -> int:
        ordinal = self._inventory.find(ordinal_of(item.offer_id)) if "/" in item.offer_id else None
        if ordinal is None:
            raise Refused(f"Offer {item.offer_id} not found")
        ordinal = self._inventory.first_offer(ordinal)
        hold = self._holds.get(ordinal)
        mine = hold.account if hold else self._last_orders.get(ordinal, (None,))[0]
        if self._inventory.availability(ordinal) != _AVAILABLE and mine != account.username:
            raise Refused(f"Offer {item.offer_id} is not available")
        return ordinal

    def _end(self, hold: Hold) -> None:
        del self._holds[hold.ordinal]
        # Only if the availability has not been changed in the meantime.
        if self._inventory.find(hold.ordinal) is not None and self._inventory.availability(hold.ordinal) == _HELD:
            self._inventory.set_availability(hold.ordinal, _AVAILABLE)
