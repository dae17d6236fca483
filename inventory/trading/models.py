"""Holds and purchases as they are read. Prices are US cents; every instant is by the database's clock."""

from datetime import datetime
from uuid import UUID

import msgspec

from inventory.trading.states import OPEN_HOLDS, HoldState, PurchaseState


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold, as time has it: one that is past its end is expired, whether its row says so or not.

    `expires_at` is None while it is requested; `wanted_until` says how long it will be at the most. `supplier_until`: when
    the supplier's hold ends by itself, None where it does not say. `supplier_price_cents`: the supplier's price when the hold
    was made, None for holds that are older than the column.
    """

    id: UUID
    diamond_id: UUID
    client_id: str
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
        """Whether it keeps the stone from others."""
        return self.state in OPEN_HOLDS

    @property
    def until(self) -> datetime:
        """When it ends, or at the latest will."""
        return self.expires_at or self.wanted_until


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase. `hold_id`: the buyer's hold under which it was made. `failure_code` tells clients why it failed.

    `ordered_at`: when the supplier accepted the order. `ended_at`: when the state became one that can only be corrected:
    confirmed, declined or failed. `answered_by`, `answer_reason`: who recorded the supplier's later message, and how it
    is known.

    `supplier_price_cents`: the price of the supplier's item just before the order, None if it was not read;
    `price_difference_cents`: how much more that is than under the hold. `checked_at`: when that item showed the orders of this
    account, and `order_item_before` the one of the stone. `current_price_cents`: the client's price by
    that item, where it was refused. `order_item_seen`: an order item that the supplier showed after the order was sent.
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


class TradedStone(msgspec.Struct, frozen=True, kw_only=True):
    """A stone as trading needs it. `availability` combines the supplier's word with holds and purchases."""

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
