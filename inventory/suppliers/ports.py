"""Ports to a supplier: what the inventory needs from any of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from inventory.catalog.stone import Stone


class StoneQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the feed. None leaves an end open; both ends of a range are inclusive.

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
    """One item of a page: its payload as received, and the stone in it or what is wrong with it."""

    supplier_stone_id: str  # made from the payload's hash ("unidentified:<hex>") where the supplier sent none
    payload: bytes  # the item's JSON, to the byte
    queried_lab_grown: bool | None = None  # the origin that the query asked for; None if it asked for both
    payload_hash: bytes  # 16 bytes; changes with the payload, the queried origin and the version of the mapping
    # What price ranges compare and pages are ordered by: the price in US cents, or the price per carat (`per_carat`).
    price_cents: int | None
    carat_milli: int | None = None  # also of a stone that has a problem, where the item shows it
    stone: Stone | None
    problem: str | None  # names the field and what is wrong; None for a good stone
    canonical_hash: bytes | None  # 16 bytes over the stone; None for a bad one

    @property
    def identified(self) -> bool:
        """Whether it says which stone it is."""
        return not self.supplier_stone_id.startswith("unidentified:")


class FeedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Up to 50 stones in the order of the query.

    `received`: when the answer came in, by the monotonic clock of this process (seconds). `unidentified`: positions on
    the page (from 0) of items that the supplier answered with null and whose id could not be learned; `items` holds all
    others, in order.
    """

    received: float
    items: Sequence[ObservedItem]
    unidentified: Sequence[int] = ()

    @property
    def length(self) -> int:
        """Number of positions that the page covers, unidentified items included."""
        return len(self.items) + len(self.unidentified)


class LookupResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the supplier says about stones that were looked up by id. Each of them is in exactly one of the three parts.

    `received`: as of `FeedPage`. `found`: the stones that it shows. `absent`: the stones that it neither shows nor counts, in
    answers that show it understands the question. `unclear`: the stones that it counts and does not show, and those that
    could not be asked for; they must not count as gone.
    """

    received: float
    found: Sequence[ObservedItem]
    absent: frozenset[str]
    unclear: frozenset[str]


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier's schema offers to a reader now.

    `windows`: queries by the instant of the last change. `carats`, `origin`: queries by weight, and by natural or
    lab-grown. `lookup`: stones are looked up together, or one by one. `price_order`: pages are in order of price; without,
    they are in another order. `differences`: what the schema lacks of what is wanted, one sentence each, sorted.
    """

    windows: bool
    carats: bool
    origin: bool
    price_order: bool
    lookup: Literal["together", "one by one"]
    differences: tuple[str, ...]


class Feed(Protocol):
    """Reading a supplier's stones, in order of price (cents, ascending; unpriced last), ties by the supplier's rule.

    Every method raises `SupplierError` or one of its children when the tries are used up.
    """

    @property
    def page_size(self) -> int:
        """Most stones that one page may hold."""

    async def count(self, query: StoneQuery) -> int:
        """How many stones match: the only trustworthy figure."""

    async def page(self, query: StoneQuery, offset: int, limit: int) -> FeedPage:
        """`limit` stones (at most `page_size`) from `offset` on."""

    async def capabilities(self) -> Capabilities:
        """What the supplier's schema offers now. A query that needs more raises `SupplierSchemaChanged`."""

    def known_differences(self) -> Sequence[str]:
        """The differences of the capabilities as far as they are known without asking the supplier."""

    @property
    def lookup_size(self) -> int:
        """Most ids of one lookup."""

    async def lookup(self, stone_ids: Collection[str], witnesses: Collection[str]) -> LookupResult:
        """Look up stones by id (at most `lookup_size`).

        `witnesses`: up to three stones that the supplier showed shortly before; without an answer that shows one of them,
        nothing counts as absent. Empty only if the supplier showed no stone at all.
        """


class ItemStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A stone as the supplier shows it now. `availability`: one of grades.AVAILABILITIES.

    `hold_id`, `order_item_id`: of a hold and an order of this account; those of other accounts are not shown.
    `shows_holds`, `shows_orders`: whether None for these means that there is none. `offer_id` and `price_cents` (US cents)
    are None where the supplier does not show them in a known form.
    """

    availability: str
    hold_id: str | None = None
    offer_id: str | None = None
    price_cents: int | None = None
    order_item_id: str | None = None
    shows_holds: bool = True
    shows_orders: bool = True


class SupplierHold(msgspec.Struct, frozen=True):
    """A hold at the supplier; `id` is None where it was denied. `until` is None where the supplier does not say."""

    id: str | None
    until: datetime | None = None


class OwnHold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold in the account's list. `stone_id` is None for another product, `until` where the supplier does not say."""

    id: str
    stone_id: str | None
    denied: bool
    until: datetime | None


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A location of the account at the supplier, to which an order can go. `address`: its lines, without the city."""

    id: str
    name: str
    address: Sequence[str] = ()
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    default: bool = False


class SupplierOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One stone to be bought. `number` is ours: it comes back on the invoice and is how people recognise the order.

    `order_item_id`: what the stone showed before; with another value, or one that was not looked for, it may be ordered.
    """

    number: str
    supplier_stone_id: str
    offer_id: str
    destination_id: str | None = None
    comments: str | None = None
    return_option: bool | None = None
    order_item_id: str | None = None


class SupplierTrading(Protocol):
    """Holding and buying stones. The supplier does what it is asked each time it is asked, so nothing is sent twice.

    `OutcomeUnknown` says that something was sent and may have been done; with any other `SupplierError` it certainly was
    not. Each call ends within the settings' patience and timeout together, or twice that where it has to look at the stone
    after a refusal; nothing is sent after the first half.
    """

    async def create_hold(self, supplier_stone_id: str) -> SupplierHold:
        """Hold a stone, unless that is denied, or the stone is not to be had."""

    async def cancel_hold(self, supplier_hold_id: str) -> bool:
        """End a hold; False if there was none (any more). May be sent again: the second time there is none."""

    async def create_order(self, order: SupplierOrder) -> str:
        """Buy a stone; the order's id. `SupplierHasNot` where it is not to be had."""

    async def look(self, supplier_stone_id: str) -> ItemStatus | None:
        """The stone as the supplier shows it now; None if it has no such stone."""

    async def own_holds(self) -> Sequence[OwnHold] | None:
        """The account's holds; None where the supplier does not list them."""

    async def destinations(self) -> Sequence[Destination] | None:
        """The account's locations; None where the supplier does not list them."""


class RateLimiter(Protocol):
    """One budget of calls for all processes."""

    async def acquire(self) -> None:
        """Wait until one call may go out."""

    async def pause(self, seconds: float) -> None:
        """Pause all calls for this long: the supplier asked for it."""
