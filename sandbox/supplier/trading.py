"""Holds and orders, as loosely as the supplier keeps them: no idempotency, no extension, no looking up."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from sandbox.supplier.accounts import Account
from sandbox.supplier.identity import ordinal_of
from sandbox.supplier.inventory import Inventory

_FREE = "AVAILABLE"
_HELD, _SOLD = "HOLD", "SOLD"


class Refused(Exception):
    """The supplier refuses; the message goes into `errors[]`."""


class Hold(msgspec.Struct, frozen=True):
    id: UUID
    ordinal: int
    account: str
    until: datetime


class OrderItem(msgspec.Struct, frozen=True, rename={"offer_id": "offerId", "destination_id": "destinationId"}):
    offer_id: str
    customer_comment: str | None = None
    customer_order_number: str | None = None
    return_option: bool | None = None
    destination_id: str | None = None


class Trading:
    """The open holds and what was bought. A hold shows in the feed: the stone reads HOLD while it lasts."""

    def __init__(self, inventory: Inventory, hold_seconds: float) -> None:
        self._inventory = inventory
        self._hold_time = timedelta(seconds=hold_seconds)
        self._holds: dict[int, Hold] = {}
        self._buyers: dict[int, str] = {}

    def hold_id(self, ordinal: int, account: Account) -> str | None:
        """The id of the hold on a stone, which only its holder may see."""
        hold = self._holds.get(ordinal)
        return str(hold.id) if hold is not None and hold.account == account.username else None

    def create_hold(self, product_id: str, account: Account) -> Hold | None:
        """Hold a stone; None if that is denied (not there, not available, held already).

        A product id is the bare stone id: an offer id is denied.
        """
        ordinal = None if "/" in product_id else self._inventory.find(ordinal_of(product_id))
        if ordinal is None or self._inventory.availability(ordinal) != _FREE:
            return None
        until = self._inventory.clock() + self._hold_time
        hold = self._holds[ordinal] = Hold(uuid4(), ordinal, account.username, until)
        self._inventory.set_availability(ordinal, _HELD)
        return hold

    def cancel_hold(self, hold_id: str, account: Account) -> Hold:
        """End a hold.

        Raises:
            Refused: this account has no such hold (any more).
        """
        for hold in self._holds.values():
            if str(hold.id) == hold_id.lower() and hold.account == account.username:
                self._end(hold)
                return hold
        raise Refused("Hold not found")

    def create_order(self, items: list[OrderItem], account: Account) -> tuple[UUID, list[bool]]:
        """Buy stones; the order's id, and for each item whether it may be returned.

        Who has bought a stone and orders it again buys it again.

        Raises:
            Refused: a stone is not there, or not to be had for this account (then nothing is bought).
        """
        ordinals = [self._orderable(item, account) for item in items]
        if not ordinals:
            raise Refused("An order needs items")
        for ordinal in ordinals:
            self._holds.pop(ordinal, None)
            self._buyers[ordinal] = account.username
            self._inventory.set_availability(ordinal, _SOLD)
        returns = [
            bool(item.return_option) and self._inventory.returnable(ordinal)
            for item, ordinal in zip(items, ordinals, strict=True)
        ]
        return uuid4(), returns

    def expire(self) -> None:
        """End the holds whose time has come."""
        now = self._inventory.clock()
        for hold in [hold for hold in self._holds.values() if hold.until <= now]:
            self._end(hold)

    def _orderable(self, item: OrderItem, account: Account) -> int:
        ordinal = self._inventory.find(ordinal_of(item.offer_id)) if "/" in item.offer_id else None
        if ordinal is None:
            raise Refused(f"Offer {item.offer_id} not found")
        hold = self._holds.get(ordinal)
        mine = hold.account if hold else self._buyers.get(ordinal)
        if self._inventory.availability(ordinal) != _FREE and mine != account.username:
            raise Refused(f"Offer {item.offer_id} is not available")
        return ordinal

    def _end(self, hold: Hold) -> None:
        del self._holds[hold.ordinal]
        # Unless the feed has said something else about the stone in the meantime.
        if self._inventory.find(hold.ordinal) is not None and self._inventory.availability(hold.ordinal) == _HELD:
            self._inventory.set_availability(hold.ordinal, _FREE)
