"""Feed adapter for Nivoda: counts, pages ordered by price, lookups by id, and capabilities of the schema."""

import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from inventory.core.errors import SupplierSchemaChanged
from inventory.core.settings.nivoda import NivodaSettings
from inventory.suppliers.lookup import WITNESS_LIMIT, look_up, look_up_singly
from inventory.suppliers.nivoda.client import NivodaClient
from inventory.suppliers.nivoda.documents import AUTHENTICATE, COUNT, ITEM, PAGE_LIMIT, PAGES
from inventory.suppliers.nivoda.filters import Dimension, FeedFilter, lookup_by, offered, probe
from inventory.suppliers.nivoda.pages import FeedPageReader
from inventory.suppliers.nivoda.schema_view import SchemaView
from inventory.suppliers.nivoda.single_items import SingleItems
from inventory.suppliers.ports import Capabilities, FeedPage, LookupResult, RateLimiter, StoneQuery

SINGLE_LOOKUP_LIMIT = 5_000
"""Daily limit of single lookups of a process, if the supplier offers no filter by ids."""
_DAY_SECONDS = 24 * 3600.0


class NivodaFeed:
    """Feed over a client. Every request, retries and logins included, passes the rate limiter."""

    def __init__(
        self,
        client: NivodaClient,
        *,
        dimension: Dimension = "dollar_value",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`dimension`: the value that the price range of a query filters."""
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
        return PAGE_LIMIT - WITNESS_LIMIT

    async def count(self, query: StoneQuery) -> int:
        """Count the matching stones.

        Raises:
            SupplierError: as `NivodaClient.call`.
        """
        return await self._count(FeedFilter(dimension=self._dimension, query=query))

    async def page(self, query: StoneQuery, offset: int, limit: int) -> FeedPage:
        """Read a page of stones in order of price. An item that is invalid or cannot be shown has a problem.

        Raises:
            SupplierError: as `NivodaClient.call`.
        """
        if not 1 <= limit <= PAGE_LIMIT:
            raise ValueError(f"a page has 1 to {PAGE_LIMIT} stones, not {limit}")
        return await self._pages.read(FeedFilter(dimension=self._dimension, query=query), offset, limit)

    async def lookup(self, stone_ids: Collection[str], witnesses: Collection[str]) -> LookupResult:
        """Look up stones by id: together if the supplier offers a filter by ids, else one by one within a daily limit.

        Raises:
            SupplierUnavailable: no answer shows a witness.
            SupplierError: as `NivodaClient.call`.
        """
        if not 1 <= len(stone_ids) <= self.lookup_size or len(witnesses) > WITNESS_LIMIT:
            # The supplier ignores an empty list and would answer with every stone.
            raise ValueError(f"a lookup has 1 to {self.lookup_size} ids and at most {WITNESS_LIMIT} witnesses")
        if lookup_by(await self._client.schema.view()) != "single":
            try:
                return await look_up(stone_ids, witnesses, self._page_of, self._count_of)
            except SupplierSchemaChanged:
                if lookup_by(self._client.schema.present()) != "single":
                    raise
        return await look_up_singly(stone_ids, witnesses, self._singles.read, self._single_budget(len(stone_ids)))

    async def capabilities(self) -> Capabilities:
        """Determine the schema's capabilities. Without introspection, probe them with two requests that match no stone.

        Raises:
            SupplierSchemaChanged: the schema lacks a required member.
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
            dimension=self._dimension,
        )

    def known_differences(self) -> Sequence[str]:
        """Return the known differences; none if the schema lacks a required member."""
        try:
            return self._differences(self._client.schema.present())
        except SupplierSchemaChanged:
            return ()

    def _differences(self, view: SchemaView) -> tuple[str, ...]:
        schema, found = self._client.schema, offered(view, self._dimension)
        operations = (
            (AUTHENTICATE, COUNT, self._page) if found.lookup != "single" else (AUTHENTICATE, COUNT, self._page, ITEM)
        )
        lacking = {one for operation in operations for one in schema.negotiated(operation, view).differences}
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

    def _single_budget(self, requested: int) -> int:
        """Reserve single lookups of today's limit."""
        if self._monotonic() - self._single_since >= _DAY_SECONDS:
            self._single_lookups, self._single_since = 0, self._monotonic()
        allowed = min(requested, SINGLE_LOOKUP_LIMIT - self._single_lookups)
        self._single_lookups += allowed
        return allowed


@asynccontextmanager
async def open_feed(settings: NivodaSettings, limiter: RateLimiter) -> AsyncIterator[NivodaFeed]:
    """Open the feed with the account of the settings, for a `with` block."""
    async with NivodaClient.open(settings, limiter) as client:
        yield NivodaFeed(client, dimension=settings.partition_dimension)
