"""Holds, purchases and diamonds as they are read. Prices are US cents; every instant is by the database's clock."""

from datetime import datetime
from uuid import UUID

import msgspec

from inventory.catalog.diamond import Diamond
from inventory.catalog.snapshot import read_snapshot
from inventory.trading.states import OPEN_HOLDS, HoldState, PurchaseState


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold with its current state. A hold past its expiry is expired, even if its row is not updated yet.

    `reference`: the shopper of the client; None if the hold belongs to the client as a whole.

    `expires_at`: None while the hold is requested. `wanted_until`: requested end, the latest expiry. `supplier_until`: expiry
    of the supplier's hold; None if the supplier does not name it. `supplier_price_cents`: the supplier's price when the hold
    was placed; None for holds older than the column.
    """

    id: UUID
    diamond_id: UUID
    client_id: str
    reference: str | None = None
    state: HoldState
    price_cents: int
    supplier_price_cents: int | None
    requested_at: datetime
    wanted_until: datetime
    expires_at: datetime | None
    ended_at: datetime | None
    supplier_hold_id: str | None
    supplier_until: datetime | None
    reason: str | None

    @property
    def open(self) -> bool:
        """Whether the hold reserves the diamond."""
        return self.state in OPEN_HOLDS

    @property
    def until(self) -> datetime:
        """Expiry, or the latest possible one."""
        return self.expires_at or self.wanted_until


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase. `hold_id`: the client's hold. `failure_code`: reason of a failure, for clients.

    `ordered_at`: when the supplier accepted the order. `ended_at`: when the purchase was confirmed, declined or failed.
    `answered_by`, `answer_reason`: the operator who recorded the supplier's later message, and its source.

    `supplier_price_cents`: price of the supplier item before the order; None if it was not read. `price_difference_cents`:
    its increase since the hold. `checked_at`: when the item showed the account's orders; `order_item_before`: the order item
    that it showed. `current_price_cents`: the client's price by that item, if the purchase was rejected. `order_item_seen`:
    an order item that the supplier showed after the order was sent. `snapshot`: see `inventory.catalog.snapshot`.
    `return_granted`: as the supplier's confirmation says; None if it says nothing.
    """

    id: UUID
    diamond_id: UUID
    client_id: str
    idempotency_key: str
    request_hash: bytes
    state: PurchaseState
    price_cents: int
    hold_id: UUID | None
    offer_id: str
    destination_id: str | None
    reference: str | None
    comments: str | None
    return_option: bool | None
    requested_at: datetime
    sent_at: datetime | None
    ordered_at: datetime | None
    ended_at: datetime | None
    supplier_order_id: str | None
    failure_code: str | None
    failure: str | None
    resolved_by: str | None
    resolution: str | None
    answered_by: str | None
    answer_reason: str | None
    checked_at: datetime | None
    supplier_price_cents: int | None
    price_difference_cents: int | None
    current_price_cents: int | None
    order_item_before: str | None
    order_item_seen: str | None
    order_item_seen_at: datetime | None
    examined_at: datetime | None
    snapshot: str | None = None
    return_granted: bool | None = None

    @property
    def stone(self) -> Diamond | None:
        """The diamond when it was purchased; None if it had been deleted before snapshots were stored."""
        return None if self.snapshot is None else read_snapshot(self.snapshot)

    @property
    def grants_return(self) -> bool | None:
        """Whether the diamond may be returned: as the supplier's confirmation says, and never if that was not requested.

        None: the supplier takes the diamond back in principle, and its confirmation of this order is not recorded.
        """
        stone = self.stone
        if self.return_granted is None and (not self.return_option or (stone is not None and not stone.return_days)):
            return False
        return self.return_granted


class TradedDiamond(msgspec.Struct, frozen=True, kw_only=True):
    """A diamond as trading reads it. `availability`: the supplier's availability combined with holds and purchases."""

    id: UUID
    supplier: str
    supplier_stone_id: str
    offer_id: str | None
    active: bool
    shape: str
    carat_milli: int
    lab_grown: bool
    supplier_price_cents: int
    retail_price_cents: int
    availability: str
