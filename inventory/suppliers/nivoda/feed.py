"""Nivoda feed: counts, pages by price, lookups by id, and what the supplier's schema offers for them."""

import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from inventory.core.errors import SupplierSchemaChanged
from inventory.core.settings import Settings
from inventory.suppliers.lookup import MOST_WITNESSES, look_up, look_up_singly
from inventory.suppliers.nivoda.client import NivodaClient
from inventory.suppliers.nivoda.documents import AUTHENTICATE, COUNT, ITEM, PAGE_LIMIT, PAGES
from inventory.suppliers.nivoda.filters import Dimension, FeedFilter, lookup_by, offered, probe
from inventory.suppliers.nivoda.pages import FeedPageReader
from inventory.suppliers.nivoda.schema_view import SchemaView
from inventory.suppliers.nivoda.single_items import SingleItems
from inventory.suppliers.ports import Capabilities, FeedPage, LookupResult, RateLimiter, StoneQuery

MOST_SINGLE_LOOKUPS = 5_000
"""Stones that one process looks up one by one in a day, where the supplier offers no filter by ids."""
_DAY_SECONDS = 24 * 3600.0


class NivodaFeed:
    """The feed behind a client. Every request, the client's retries and logins included, takes its turn at the limiter."""

    def __init__(
        self,
        client: NivodaClient,
        *,
        dimension: Dimension = "dollar_value",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`dimension`: what the prices of a query are compared with."""
        self._client = client
        self._dimension = dimension
        self._page = PAGES[dimension].full
        self._monotonic = monotonic
        self._singles = SingleItems(client)
        self._pages = FeedPageReader(client, self._singles)
        self._probed: SchemaView | None = None
        self._single_lookups = 0
        self._single_since = monotonic()

    @property
    def page_size(self) -> int:
        return PAGE_LIMIT

    @property
    def lookup_size(self) -> int:
        return PAGE_LIMIT - MOST_WITNESSES

    async def count(self, query: StoneQuery) -> int:
        """Number of stones that match.

        Raises:
            SupplierError: as `NivodaClient.call`.
        """
        return await self._count(FeedFilter(dimension=self._dimension, query=query))

    async def page(self, query: StoneQuery, offset: int, limit: int) -> FeedPage:
        """Stones in the order of price. A stone that can't be understood, or shown, comes with its problem.

        Raises:
            SupplierError: as `NivodaClient.call`.
        """
        if not 1 <= limit <= PAGE_LIMIT:
            raise ValueError(f"a page has 1 to {PAGE_LIMIT} stones, not {limit}")
        return await self._pages.read(FeedFilter(dimension=self._dimension, query=query), offset, limit)

    async def lookup(self, stone_ids: Collection[str], witnesses: Collection[str]) -> LookupResult:
        """Look up stones by id: together where the supplier offers a filter for that, else one by one within a daily bound.

        Raises:
            SupplierUnavailable: no answer shows a witness.
            SupplierError: as `NivodaClient.call`.
        """
        if not 1 <= len(stone_ids) <= self.lookup_size or len(witnesses) > MOST_WITNESSES:
            # An empty list is no filter at all: the supplier would answer with every stone.
            raise ValueError(f"a lookup has 1 to {self.lookup_size} ids and at most {MOST_WITNESSES} witnesses")
        if lookup_by(await self._client.schema.view()) != "single":
            try:
                return await look_up(stone_ids, witnesses, self._page_of, self._count_of)
            except SupplierSchemaChanged:
                if lookup_by(self._client.schema.present()) != "single":
                    raise
        return await look_up_singly(stone_ids, witnesses, self._singles.read, self._single_budget(len(stone_ids)))

    async def capabilities(self) -> Capabilities:
        """What the supplier's schema offers. Where introspection is not allowed, two requests that match no stone find out.

        Raises:
            SupplierSchemaChanged: it lacks what is required.
            SupplierError: as `NivodaClient.call`.
        """
        schema = self._client.schema
        view = await schema.view()
        if schema.source != "introspection" and view is not self._probed:
            await self._client.call(COUNT, lambda now: {"query": probe(now, self._dimension)})
            await self._client.call(
                self._page, lambda now: {"query": probe(now, self._dimension), "offset": 0, "limit": 1}
            )
            view = self._probed = schema.present()
        found = offered(view, self._dimension)
        return Capabilities(
            windows=found.changed,
            carats=found.carats,
            origin=found.origin,
            price_order=schema.negotiated(self._page, view).order == self._page.template.orders[0],
            lookup="one by one" if found.lookup == "single" else "together",
            differences=self._differences(view),
        )

    def known_differences(self) -> Sequence[str]:
        """The differences that are known now; none where the schema lacks what is required."""
        try:
            return self._differences(self._client.schema.present())
        except SupplierSchemaChanged:
            return ()

    def _differences(self, view: SchemaView) -> tuple[str, ...]:
        schema, found = self._client.schema, offered(view, self._dimension)
        needed = (
            (AUTHENTICATE, COUNT, self._page) if found.lookup != "single" else (AUTHENTICATE, COUNT, self._page, ITEM)
        )
        lacking = {one for operation in needed for one in schema.negotiated(operation, view).differences}
        schema.note(found.differences)
        return tuple(sorted(lacking.union(found.differences)))

    async def _page_of(self, stone_ids: Sequence[str]) -> FeedPage:
        return await self._pages.read(self._by_ids(stone_ids), 0, PAGE_LIMIT)

    async def _count_of(self, stone_ids: Sequence[str]) -> int:
        return await self._count(self._by_ids(stone_ids))

    def _by_ids(self, stone_ids: Sequence[str]) -> FeedFilter:
        return FeedFilter(dimension=self._dimension, stone_ids=tuple(stone_ids))

    async def _count(self, chosen: FeedFilter) -> int:
        def variables(view: SchemaView) -> Mapping[str, object]:
            return {"query": chosen.build(view)}

        answer = await self._client.call(COUNT, variables)
        return answer.account.diamonds_by_query_count

    def _single_budget(self, wanted: int) -> int:
        """How many of the wanted single lookups are left for today."""
        if self._monotonic() - self._single_since >= _DAY_SECONDS:
            self._single_lookups, self._single_since = 0, self._monotonic()
        allowed = min(wanted, MOST_SINGLE_LOOKUPS - self._single_lookups)
        self._single_lookups += allowed
        return allowed


@asynccontextmanager
async def open_feed(settings: Settings, limiter: RateLimiter) -> AsyncIterator[NivodaFeed]:
    """The feed of the settings' account, for the length of a `with`."""
    async with NivodaClient.open(settings, limiter) as client:
        yield NivodaFeed(client, dimension=settings.nivoda_partition_dimension)
