"""In-memory feed that implements the port: the test adds, removes and changes its items."""

import json
import time
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from inventory.suppliers.lookup import WITNESS_LIMIT, look_up
from inventory.suppliers.nivoda.mapping import observe
from inventory.suppliers.ports import Capabilities, FeedPage, LookupResult, ObservedItem, StoneQuery
from tests.unit.suppliers.items import item


def stone_id(number: int) -> str:
    """The id of the stone with this number."""
    return str(UUID(int=number))


def payload(number: int, cents: int = 100_000, **changes: Any) -> bytes:
    """A valid item of the stone with this number. `changes` as for `items.item`, with `__` instead of dots."""
    dotted = {name.replace("__", "."): value for name, value in changes.items()}
    return json.dumps(item({"diamond.id": stone_id(number), "price": cents} | dotted)).encode()


def observed(number: int, cents: int = 100_000, *, queried: bool | None = None, **changes: Any) -> ObservedItem:
    """The observation of such an item in a query for this origin."""
    return observe(payload(number, cents, **changes), lab_grown=queried)


EVERYTHING = Capabilities(windows=True, carats=True, origin=True, price_order=True, lookup="together", differences=())


class FakeFeed:
    """The port `Feed` over a dictionary."""

    page_size = 50
    lookup_size = page_size - WITNESS_LIMIT

    def __init__(self) -> None:
        self.items: dict[str, bytes] = {}
        self.asked: list[StoneQuery] = []
        self.offers = EVERYTHING
        # Stones that only a lookup finds: they reappear after a run has read the feed.
        self.unlisted: set[str] = set()
        # The stones of an incremental run's window. None for all.
        self.changed: set[str] | None = None

    def put(self, *numbers: int, cents: int = 100_000, **changes: Any) -> None:
        """Add or change stones."""
        for number in numbers:
            self.items[stone_id(number)] = payload(number, cents, **changes)

    def remove(self, *numbers: int) -> None:
        """Remove stones."""
        for number in numbers:
            del self.items[stone_id(number)]

    async def count(self, query: StoneQuery) -> int:
        return len(self._matching(query))

    async def page(self, query: StoneQuery, offset: int, limit: int) -> FeedPage:
        self.asked.append(query)
        return FeedPage(received=time.monotonic(), items=self._matching(query)[offset : offset + limit])

    async def capabilities(self) -> Capabilities:
        return self.offers

    def known_differences(self) -> Sequence[str]:
        return self.offers.differences

    async def lookup(self, stone_ids: Collection[str], witnesses: Collection[str]) -> LookupResult:
        return await look_up(stone_ids, witnesses, self.page_of, self.count_of)

    async def page_of(self, stone_ids: Sequence[str]) -> FeedPage:
        """The stones with these ids."""
        found = [item for item in self._all() if item.supplier_stone_id in stone_ids]
        return FeedPage(received=time.monotonic(), items=found[: self.page_size])

    async def count_of(self, stone_ids: Sequence[str]) -> int:
        """How many stones have these ids."""
        return sum(item.supplier_stone_id in stone_ids for item in self._all())

    def _all(self) -> list[ObservedItem]:
        return [observe(text) for text in self.items.values()]

    def _matching(self, query: StoneQuery) -> list[ObservedItem]:
        if query.updated_from is not None and query.updated_to is None:
            return []  # the feed is static during a run
        looks = [
            observe(text, lab_grown=query.lab_grown)
            for stone, text in self.items.items()
            if (query.lab_grown is None or _grown(text) is query.lab_grown)
            and stone not in self.unlisted
            and (query.updated_to is None or self.changed is None or stone in self.changed)
        ]
        found = [
            look
            for look in looks
            if (query.price_from is None or (look.price_cents or -1) >= query.price_from * 100)
            and (query.price_to is None or 0 <= (look.price_cents or -1) <= query.price_to * 100)
        ]
        return sorted(found, key=lambda look: (look.price_cents is None, look.price_cents or 0, look.supplier_stone_id))


def _grown(text: bytes) -> bool:
    """The origin under which a query finds an item."""
    look = observe(text)
    return look.stone is not None and look.stone.lab_grown
