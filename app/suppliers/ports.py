"""What the inventory needs from a supplier, whoever it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from app.catalog.stone import Stone


class StoneQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the feed. None leaves an end open; both ends of a range are inclusive.

    `price_from`/`price_to`: whole US dollars. `updated_from`/`updated_to`: instants of the supplier's last change.
    `stone_ids`: exactly these stones (the supplier's stone ids), at most 50.
    """

    price_from: int | None = None
    price_to: int | None = None
    updated_from: datetime | None = None
    updated_to: datetime | None = None
    stone_ids: Sequence[str] | None = None


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a page: its payload as received, and the stone in it or what is wrong with it."""

    supplier_stone_id: str  # made from the payload's hash ("unidentified:<hex>") where the supplier sent none
    payload: bytes  # the item's JSON, to the byte
    payload_hash: bytes  # 16 bytes; changes with the payload and with the version of the mapping
    price_cents: int | None  # with the id, recognises an unchanged stone on the next page
    stone: Stone | None
    problem: str | None  # names the field and what is wrong; None for a good stone
    canonical_hash: bytes | None  # 16 bytes over the stone; None for a bad one


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Up to 50 stones in the order of the query. Fewer than asked for means that the end was reached."""

    received: float  # when the answer came in, by this process' monotonic clock (seconds)
    items: Sequence[Observed]


class Feed(Protocol):
    """Reading a supplier's stones, in order of price (cents, ascending; unpriced last), ties by the supplier's rule.

    Every method raises `SupplierError` or one of its children when the tries are used up.
    """

    @property
    def page_size(self) -> int:
        """Most stones that one page may hold."""

    async def count(self, query: StoneQuery) -> int:
        """How many stones match: the only trustworthy figure."""

    async def page(self, query: StoneQuery, offset: int, limit: int) -> Page:
        """`limit` stones (at most `page_size`) from `offset` on."""


class RateLimiter(Protocol):
    """One budget of calls for all processes."""

    async def acquire(self) -> None:
        """Wait until one call may go out."""

    async def pause(self, seconds: float) -> None:
        """Nobody calls for so long: the supplier asked for it."""
