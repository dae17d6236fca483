"""Page reader of the feed: split oversized answers, and identify null items."""

import time
from collections.abc import Mapping, Sequence

import msgspec
from cachetools import LRUCache

from inventory.core.logging import get_logger
from inventory.suppliers.nivoda import null_items
from inventory.suppliers.nivoda.client import NivodaClient
from inventory.suppliers.nivoda.documents import PAGES, Items, PageOperation
from inventory.suppliers.nivoda.error_entries import ErrorEntry
from inventory.suppliers.nivoda.errors import AnswerTooLarge, ItemsLost
from inventory.suppliers.nivoda.filters import FeedFilter, lookup_by
from inventory.suppliers.nivoda.mapping import observe
from inventory.suppliers.nivoda.null_items import NULL, Match, Shown
from inventory.suppliers.nivoda.single_items import SingleItems
from inventory.suppliers.ports import FeedPage, ObservedItem

log = get_logger()

_CACHED_SIZES = 256
_SINGLE_CALL_LIMIT = 5  # per page, if the supplier offers no filter by ids


class _Received(msgspec.Struct):
    """Items of a page in order, and errors by position."""

    received: float
    items: list[bytes]
    errors: dict[int, ErrorEntry]


class FeedPageReader:
    """Reads pages of the feed. Safe for concurrent calls."""

    def __init__(self, client: NivodaClient, singles: SingleItems) -> None:
        self._client = client
        self._singles = singles
        # Largest number of items per answer, by filter and position. Other positions keep the full size.
        self._sizes: LRUCache[tuple[FeedFilter, int], int] = LRUCache(_CACHED_SIZES)

    async def read(self, chosen: FeedFilter, offset: int, limit: int) -> FeedPage:
        """Read a page. A null item whose id can be determined has the reason as its problem.

        Raises:
            SupplierError: as `NivodaClient.call`.
        """
        origin = chosen.query.lab_grown
        page = await self._in_parts(chosen, offset, limit)
        items: list[ObservedItem | None] = [
            None if item == NULL else observe(item, lab_grown=origin) for item in page.items
        ]
        nameless = [place for place, item in enumerate(items) if item is None or not item.identified]
        if nameless:
            nulls = {place: page.errors.get(place) for place in nameless}
            found = await self._identify(chosen, offset, limit, items, nulls)
            for place, payload in found.items():
                items[place] = observe(payload, lab_grown=origin)
        unidentified = [place for place, item in enumerate(items) if item is None]
        if nameless:
            log.warning("page_with_null_items", offset=offset, null=len(nameless), unidentified=len(unidentified))
        shown = [item for item in items if item is not None]
        if chosen.dimension == "dollar_per_carat":
            shown = [msgspec.structs.replace(item, price_cents=_per_carat(item)) for item in shown]
        return FeedPage(received=page.received, items=shown, unidentified=unidentified)

    async def _in_parts(self, chosen: FeedFilter, offset: int, limit: int) -> _Received:
        """Read a page in one answer, or in several if one is too large or is rejected because of an item."""
        page: _Received | None = None
        position, end, size = offset, offset + limit, limit
        while position < end:
            size = self._sizes.get((chosen, position), size)
            requested = min(size, end - position)
            try:
                answer = await self._fetch(PAGES[chosen.dimension].full, chosen, position, requested)
            except (AnswerTooLarge, ItemsLost) as error:
                log.warning("page_not_answered", offset=position, items=requested, error=error.message)
                if requested > 1:
                    size = self._smaller(chosen, position, requested, error)
                    continue
                # This item is the cause, so the next part may have the full size.
                size = limit
                items, errors = [NULL], {0: _reason(error)}
            else:
                items = [bytes(item) for item in answer.items]
                errors = {place: entry for place in range(len(items)) if (entry := answer.error(place)) is not None}
            page = page or _Received(time.monotonic(), [], {})
            page.errors |= {len(page.items) + place: entry for place, entry in errors.items()}
            page.items += items
            position += requested
            if len(items) < requested:
                break
        return page or _Received(time.monotonic(), [], {})

    def _smaller(self, chosen: FeedFilter, position: int, requested: int, error: AnswerTooLarge | ItemsLost) -> int:
        """Return the next size at a position after a size that was not answered."""
        if isinstance(error, ItemsLost):
            return max(1, min(requested // 2 if error.first is None else error.first, requested - 1))
        self._sizes[chosen, position] = size = requested // 2
        return size

    async def _identify(
        self,
        chosen: FeedFilter,
        offset: int,
        limit: int,
        items: Sequence[ObservedItem | None],
        nulls: Mapping[int, ErrorEntry | None],
    ) -> dict[int, bytes]:
        """Build payloads for null items whose ids can be determined, in a constant number of calls."""
        known = [item.supplier_stone_id if item and item.identified else None for item in items]
        # Only in an order by price do the neighbours bound the price of a null item.
        ordered = chosen.dimension == "dollar_value"
        prices = [item.price_cents if item and ordered else None for item in items]
        matches: dict[int, Match] = {}
        for selection in PAGES[chosen.dimension].smaller:
            left = {place: error for place, error in nulls.items() if place not in matches}
            if not left:
                break
            try:
                answer = await self._fetch(selection, chosen, offset, limit)
            except (AnswerTooLarge, ItemsLost) as error:
                log.warning("null_items_not_shown", selection=selection.name, error=error.message)
                continue
            taken = [matches[place].item.stone_id if place in matches else name for place, name in enumerate(known)]
            matches |= null_items.match(left, taken, [null_items.shown(item) for item in answer.items], prices)
        found = {place: null_items.payload(one.item, nulls[place]) for place, one in matches.items() if one.certain}
        doubtful = {place: one.item for place, one in matches.items() if not one.certain}
        return found | (await self._confirm(chosen, doubtful) if doubtful else {})

    async def _confirm(self, chosen: FeedFilter, doubtful: Mapping[int, Shown]) -> dict[int, bytes]:
        """Query exactly these stones: one that is shown now was null temporarily, or is another stone."""
        ids = {place: item.stone_id for place, item in doubtful.items() if item.stone_id is not None}
        if lookup_by(await self._client.schema.view()) == "single":
            return await self._confirm_singly(ids)
        by_ids = FeedFilter(dimension=chosen.dimension, stone_ids=tuple(ids.values()))
        answer = await self._in_parts(by_ids, 0, len(ids))
        shown = {
            observed.supplier_stone_id: item
            for item in answer.items
            if item != NULL and (observed := observe(item)).identified
        }
        found = {place: shown[stone_id] for place, stone_id in ids.items() if stone_id in shown}
        left = [place for place in ids if place not in found]
        if len(left) == answer.items.count(NULL):
            # An error of the page may concern another stone. This answer contains these stones only.
            errors = [answer.errors.get(position) for position, item in enumerate(answer.items) if item == NULL]
            for place in left:
                entry = errors[0]
                if len({null_items.reason(error) for error in errors}) > 1:
                    entry = await self._error_of(chosen, ids[place]) if place in left[:_SINGLE_CALL_LIMIT] else None
                found[place] = null_items.payload(doubtful[place], entry)
        return found

    async def _error_of(self, chosen: FeedFilter, stone_id: str) -> ErrorEntry | None:
        """Read the error of a null stone. Returns None if it has none now."""
        answer = await self._in_parts(FeedFilter(dimension=chosen.dimension, stone_ids=(stone_id,)), 0, 1)
        return answer.errors.get(0)

    async def _confirm_singly(self, ids: Mapping[int, str]) -> dict[int, bytes]:
        found = {}
        for place, stone_id in list(ids.items())[:_SINGLE_CALL_LIMIT]:
            answer = await self._singles.read(stone_id)
            if isinstance(answer, ObservedItem):
                found[place] = answer.payload
        return found

    async def _fetch(self, selection: PageOperation, chosen: FeedFilter, offset: int, limit: int) -> Items:
        answer = await self._client.call(
            selection, lambda view: {"query": chosen.build(view), "offset": offset, "limit": limit}
        )
        return answer.account.diamonds_by_query


def _reason(error: AnswerTooLarge | ItemsLost) -> ErrorEntry:
    return error.entries[0] if isinstance(error, ItemsLost) else ErrorEntry(error.message)


def _per_carat(item: ObservedItem) -> int | None:
    """Price per carat in US cents. It is a multiple of 100 only if it is exactly a whole dollar, as price ranges require."""
    if item.price_cents is None or not item.carat_milli:
        return None
    cents, rest = divmod(item.price_cents * 1000, item.carat_milli)
    return cents + 1 if rest and cents % 100 == 0 else cents
