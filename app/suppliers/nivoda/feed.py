"""Nivoda as a feed of stones: counts, pages by price, and exactly these stones."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

from app.core.settings import Settings
from app.suppliers.nivoda.client import NivodaClient
from app.suppliers.nivoda.documents import COUNT, PAGE, PAGE_LIMIT
from app.suppliers.nivoda.mapping import observe
from app.suppliers.ports import Page, RateLimiter, StoneQuery


class NivodaFeed:
    """The feed behind a client. Every request, the client's retries and logins included, takes its turn at the limiter."""

    def __init__(self, client: NivodaClient) -> None:
        self._client = client

    @property
    def page_size(self) -> int:
        return PAGE_LIMIT

    async def count(self, query: StoneQuery) -> int:
        """How many stones match.

        Raises:
            SupplierError: as `NivodaClient.call`.
        """
        answer = await self._client.call(COUNT, {"query": _filter(query)})
        return answer.account.diamonds_by_query_count

    async def page(self, query: StoneQuery, offset: int, limit: int) -> Page:
        """Stones in the order of price. A stone that can't be understood comes with its problem.

        A page on which an item names no stone is asked for once more: with a null a server also says that it failed to
        show one just then, and whose place it took nobody could find out later.

        Raises:
            SupplierError: as `NivodaClient.call`.
        """
        if not 1 <= limit <= PAGE_LIMIT:
            raise ValueError(f"a page has 1 to {PAGE_LIMIT} stones, not {limit}")
        page = await self._page(query, offset, limit)
        return page if all(item.identified for item in page.items) else await self._page(query, offset, limit)

    async def _page(self, query: StoneQuery, offset: int, limit: int) -> Page:
        answer = await self._client.call(PAGE, {"query": _filter(query), "offset": offset, "limit": limit})
        received = time.monotonic()
        return Page(
            received=received,
            items=[observe(bytes(item)) for item in answer.account.diamonds_by_query.items],
        )


@asynccontextmanager
async def open_feed(settings: Settings, limiter: RateLimiter) -> AsyncIterator[NivodaFeed]:
    """The feed of the settings' account, for the length of a `with`."""
    async with NivodaClient.open(settings, limiter) as client:
        yield NivodaFeed(client)


def _filter(query: StoneQuery) -> dict[str, object]:
    """The `DiamondQuery` of a query."""
    found: dict[str, object] = {}
    if prices := _range(query.price_from, query.price_to):
        found["dollar_value"] = prices
    if carats := _range(_carats(query.carats_from), _carats(query.carats_to)):
        found["sizes"] = [carats]
    if query.lab_grown is not None:
        found["labgrown"] = query.lab_grown
    if instants := _range(_iso(query.updated_from), _iso(query.updated_to)):
        found["updated"] = instants
    if query.stone_ids is not None:
        if not 1 <= len(query.stone_ids) <= PAGE_LIMIT:
            # An empty list would be no filter at all, and mean every stone.
            raise ValueError(f"a query has 1 to {PAGE_LIMIT} ids, not {len(query.stone_ids)}")
        found["ids"] = list(query.stone_ids)
    return found


def _range(start: object, end: object) -> dict[str, object]:
    return {name: value for name, value in (("from", start), ("to", end)) if value is not None}


def _carats(carats: Decimal | None) -> float | None:
    return None if carats is None else float(carats)


def _iso(instant: datetime | None) -> str | None:
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z") if instant else None
