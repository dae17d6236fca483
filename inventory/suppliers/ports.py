"""Supplier ports: feed, trading and rate limiter."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from inventory.catalog.stone import Stone


class StoneQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Query of a part of the feed. None leaves an end open; both ends of a range are inclusive.

    `price_from`/`price_to`: whole US dollars. `carats_from`/`carats_to`: carats. `cross_from`/`cross_to`: the price in
    whole US dollars where `price_from` is a price per carat, else the weight in hundredths of a carat. `lab_grown`: only
    lab-grown stones (True) or only natural ones (False). `updated_from`/`updated_to`: instants of the supplier's last change.
    """

    price_from: int | None = None
    price_to: int | None = None
    carats_from: Decimal | None = None
    carats_to: Decimal | None = None
    cross_from: int | None = None
    cross_to: int | None = None
    lab_grown: bool | None = None
    updated_from: datetime | None = None
    updated_to: datetime | None = None


class ObservedItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item of a page: its payload as received, and the stone in it or the problem with it."""

    supplier_stone_id: str  # derived from the payload's hash ("unidentified:<hex>") if the supplier sent none
    payload: bytes  # the item's JSON, byte for byte
    queried_lab_grown: bool | None = None  # the origin of the query; None for both
    payload_hash: bytes  # 16 bytes; changes with the payload, the queried origin and the version of the mapping
    # Value of price ranges and of the order of pages: the price in US cents, or the price per carat (`per_carat`).
    price_cents: int | None
    carat_milli: int | None = None  # also of an item with a problem, if the item shows it
    stone: Stone | None
    problem: str | None  # names the field and the problem; None for a valid item
    canonical_hash: bytes | None  # 16 bytes over the stone; None for an invalid item

    @property
    def identified(self) -> bool:
        """Whether the item has the id of a stone."""
        return not self.supplier_stone_id.startswith("unidentified:")


class FeedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Up to 50 stones in the order of the query.

    `received`: time of the answer by the monotonic clock of this process (seconds). `unidentified`: positions on the page
    (from 0) of items that the supplier answered with null and whose id could not be determined. `items`: all others, in
    order.
    """

    received: float
    items: Sequence[ObservedItem]
    unidentified: Sequence[int] = ()

    @property
    def length(self) -> int:
        """Number of positions that the page covers, unidentified items included."""
        return len(self.items) + len(self.unidentified)


class LookupResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a lookup of stones by id. Each stone is in exactly one of the three parts.

    `received`: as of `FeedPage`. `found`: stones that the supplier shows. `absent`: stones that it neither shows nor counts, in
    answers that show a witness. `unclear`: stones that it counts and does not show, and stones that were not queried; they
    must not be treated as absent.
    """

    received: float
    found: Sequence[ObservedItem]
    absent: frozenset[str]
    unclear: frozenset[str]


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Capabilities of a supplier's schema.

    `windows`: queries by the instant of the last change. `carats`, `origin`: queries by weight, and by natural or lab-grown.
    `lookup`: stones are looked up together, or one by one. `price_order`: pages are ordered by price, else in another order.
    `differences`: missing members of the schema, one sentence each, sorted. `dimension`: the price by which the feed is divided.
    """

    windows: bool
    carats: bool
    origin: bool
    price_order: bool
    lookup: Literal["together", "one by one"]
    differences: tuple[str, ...]
    dimension: Literal["dollar_value", "dollar_per_carat"] = "dollar_value"


class Feed(Protocol):
    """Feed port: stones in order of price (cents, ascending; unpriced last), ties in the supplier's order.

    Every method raises `SupplierError` or a subclass after the last retry.
    """

    @property
    def page_size(self) -> int:
        """Largest number of stones of a page."""

    async def count(self, query: StoneQuery) -> int:
        """Count the matching stones. It is the only reliable count of the supplier."""

    async def page(self, query: StoneQuery, offset: int, limit: int) -> FeedPage:
        """Read `limit` stones (at most `page_size`) from `offset`."""

    async def capabilities(self) -> Capabilities:
        """Determine the schema's capabilities. A query that needs others raises `SupplierSchemaChanged`."""

    def known_differences(self) -> Sequence[str]:
        """Return the differences that are known without a request to the supplier."""

    @property
    def lookup_size(self) -> int:
        """Largest number of ids of a lookup."""

    async def lookup(self, stone_ids: Collection[str], witnesses: Collection[str]) -> LookupResult:
        """Look up stones by id (at most `lookup_size`).

        `witnesses`: up to three stones that the supplier showed shortly before. Stones count as absent only in an answer that
        shows a witness. Empty only if the supplier showed no stone at all.
        """


class ItemStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Current status of a supplier item. `availability`: one of grades.AVAILABILITIES.

    `hold_id`, `order_item_id`: hold and order of this account; the supplier does not show those of other accounts.
    `shows_holds`, `shows_orders`: whether None in these fields means that there is none. `offer_id`, `price_cents` (US cents):
    None if the supplier does not show them in a known form.
    """

    availability: str
    hold_id: str | None = None
    offer_id: str | None = None
    price_cents: int | None = None
    order_item_id: str | None = None
    shows_holds: bool = True
    shows_orders: bool = True


class SupplierHold(msgspec.Struct, frozen=True):
    """Answer to a hold request. `id`: None if the hold was denied. `until`: expiry; None if the supplier does not name it."""

    id: str | None
    until: datetime | None = None


class OwnHold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold in the account's list. `stone_id`: None for another product. `until`: None if the supplier does not name it."""

    id: str
    stone_id: str | None
    denied: bool
    until: datetime | None


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery location of the account. `address`: its lines, without the city."""

    id: str
    name: str
    address: Sequence[str] = ()
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    default: bool = False


class SupplierOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order of a stone. `number`: our order number, which the supplier prints on the invoice.

    `order_item_id`: order item that the supplier item showed before the order; another value is evidence of an order.
    """

    number: str
    supplier_stone_id: str
    offer_id: str
    destination_id: str | None = None
    comments: str | None = None
    return_option: bool | None = None
    order_item_id: str | None = None


class SupplierTrading(Protocol):
    """Trading port: holds and orders. The supplier's operations are not idempotent, so no request is sent twice.

    `OutcomeUnknown` means that a request was sent and may have been executed. With any other `SupplierError` it was not
    executed. Each call ends within the sum of the settings TRADING_PATIENCE_SECONDS and TRADING_TIMEOUT_SECONDS, or twice
    that if it reads the item after a rejection. Nothing is sent in the second half.
    """

    @property
    def supplier(self) -> str:
        """Code of the supplier. Stones of other suppliers cannot be held or purchased."""

    async def create_hold(self, supplier_stone_id: str) -> SupplierHold:
        """Request a hold of a stone. The result has no id if the hold is denied or the stone is not available."""

    async def cancel_hold(self, supplier_hold_id: str) -> bool:
        """Cancel a hold. Returns False if it does not exist any more. The operation may be repeated."""

    async def create_order(self, order: SupplierOrder) -> str:
        """Order a stone and return the order's id. Raises `SupplierItemUnavailable` if the stone is not available."""

    async def item_status(self, supplier_stone_id: str) -> ItemStatus | None:
        """Read the current status of a supplier item. Returns None if the supplier has no such item."""

    async def own_holds(self) -> Sequence[OwnHold] | None:
        """List the account's holds. Returns None if the supplier does not list them."""

    async def destinations(self) -> Sequence[Destination] | None:
        """List the account's delivery locations. Returns None if the supplier does not list them."""


class Remap(Protocol):
    """Maps a stored payload. `lab_grown`: the origin of its query."""

    def __call__(self, payload: bytes, *, lab_grown: bool | None) -> ObservedItem: ...


class RateLimiter(Protocol):
    """Rate limiter port: the request rate of all processes."""

    async def acquire(self) -> None:
        """Wait until a call may be sent."""

    async def pause(self, seconds: float) -> None:
        """Pause all calls for a number of seconds, as the supplier requested."""
