"""Nivoda feed: counts, pages by price, and lookups by id."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from app.core.settings import Settings
from app.suppliers.lookup import MOST_WITNESSES, look_up
from app.suppliers.nivoda.client import NivodaClient
from app.suppliers.nivoda.documents import COUNT, PAGE_LIMIT
from app.suppliers.nivoda.pages import PageReader
from app.suppliers.ports import Lookup, Page, RateLimiter, StoneQuery

LARGEST_INT = 2**31 - 1
"""The upper end of an open range: the largest `Int` of GraphQL."""

Number = TypeVar("Number", int, Decimal)


class NivodaFeed:
    """The feed behind a client. Every request, the client's retries and logins included, takes its turn at the limiter."""

    def __init__(self, client: NivodaClient) -> None:
        self._client = client
        self._pages = PageReader(client)

    @property
    def page_size(self) -> int:
        return PAGE_LIMIT

    @property
    def lookup_size(self) -> int:
        return PAGE_LIMIT - MOST_WITNESSES

    async def count(self, query: StoneQuery) -> int:
        """How many stones match.

        Raises:
            SupplierError: as `NivodaClient.call`.
        """
        return await self._count(_filter(query))

    async def page(self, query: StoneQuery, offset: int, limit: int) -> Page:
        """Stones in the order of price. A stone that can't be understood, or shown, comes with its problem.

        Raises:
            SupplierError: as `NivodaClient.call`.
        """
        if not 1 <= limit <= PAGE_LIMIT:
            raise ValueError(f"a page has 1 to {PAGE_LIMIT} stones, not {limit}")
        return await self._pages.read(_filter(query), offset, limit, query.lab_grown)

    async def lookup(self, stone_ids: Collection[str], witnesses: Collection[str]) -> Lookup:
        """Look up stones by id with the filter `filter_ids`.

        Raises:
            SupplierUnavailable: no answer shows a witness.
            SupplierError: as `NivodaClient.call`.
        """
        if not 1 <= len(stone_ids) <= self.lookup_size or len(witnesses) > MOST_WITNESSES:
            # An empty list is no filter at all: the supplier would answer with every stone.
            raise ValueError(f"a lookup has 1 to {self.lookup_size} ids and at most {MOST_WITNESSES} witnesses")
        return await look_up(stone_ids, witnesses, self._page_of, self._count_of)

    async def _page_of(self, stone_ids: Sequence[str]) -> Page:
        return await self._pages.read({"filter_ids": stone_ids}, 0, PAGE_LIMIT)

    async def _count_of(self, stone_ids: Sequence[str]) -> int:
        return await self._count({"filter_ids": stone_ids})

    async def _count(self, filters: Mapping[str, object]) -> int:
        answer = await self._client.call(COUNT, {"query": filters})
        return answer.account.diamonds_by_query_count


@asynccontextmanager
async def open_feed(settings: Settings, limiter: RateLimiter) -> AsyncIterator[NivodaFeed]:
    """The feed of the settings' account, for the length of a `with`."""
    async with NivodaClient.open(settings, limiter) as client:
        yield NivodaFeed(client)


def _filter(query: StoneQuery) -> dict[str, object]:
    """The `DiamondQuery` of a query. The supplier requires both ends of every range of numbers."""
    found: dict[str, object] = {}
    if query.price_from is not None or query.price_to is not None:
        found["dollar_value"] = {"from": query.price_from or 0, "to": _or_largest(query.price_to)}
    if query.carats_from is not None or query.carats_to is not None:
        found["sizes"] = [{"from": float(query.carats_from or 0), "to": float(_or_largest(query.carats_to))}]
    if query.lab_grown is not None:
        found["labgrown"] = query.lab_grown
    if instants := _instants(query.updated_from, query.updated_to):
        found["updated"] = instants
    return found


def _or_largest(end: Number | None) -> Number | int:
    return LARGEST_INT if end is None else end


def _instants(start: datetime | None, end: datetime | None) -> dict[str, object]:
    return {name: _iso(instant) for name, instant in (("from", start), ("to", end)) if instant is not None}


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
