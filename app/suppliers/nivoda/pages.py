"""Pages of the feed: oversized answers are read in parts, and null items are identified."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec

from app.core.logging import get_logger
from app.suppliers.nivoda import null_items
from app.suppliers.nivoda.client import NivodaClient
from app.suppliers.nivoda.documents import (
    PAGE,
    PAGE_OF_IDS_AND_PRICES,
    PAGE_OF_OFFER_IDS,
    PAGE_OF_STONE_IDS,
    Items,
    PageOperation,
)
from app.suppliers.nivoda.error_entries import ErrorEntry
from app.suppliers.nivoda.faults import AnswerTooLarge, ItemsLost
from app.suppliers.nivoda.mapping import observe
from app.suppliers.nivoda.null_items import NULL, Match, Shown
from app.suppliers.ports import Observed, Page

log = get_logger()

_SMALLER_SELECTIONS = (PAGE_OF_IDS_AND_PRICES, PAGE_OF_STONE_IDS, PAGE_OF_OFFER_IDS)
_REMEMBERED = 256

Filters = Mapping[str, object]


class _Received(msgspec.Struct):
    """The items of a page, one after the other, with the error of each position that has one."""

    received: float
    items: list[bytes]
    errors: dict[int, ErrorEntry]


class PageReader:
    """Reads pages of one supplier's feed. Safe for concurrent calls."""

    def __init__(self, client: NivodaClient) -> None:
        self._client = client
        # By query and position: how many items an answer may hold there. Other places of the feed are not slowed down.
        self._sizes: OrderedDict[tuple[bytes, int], int] = OrderedDict()

    async def read(self, filters: Filters, offset: int, limit: int, lab_grown: bool | None = None) -> Page:
        """Read a page. An item that is null comes with its id and the reason as its problem, where the id can be learned.

        Raises:
            SupplierError: as `NivodaClient.call`.
        """
        page = await self._in_parts(filters, offset, limit)
        items: list[Observed | None] = [
            None if item == NULL else observe(item, lab_grown=lab_grown) for item in page.items
        ]
        nameless = [place for place, item in enumerate(items) if item is None or not item.identified]
        if nameless:
            found = await self._identify(
                filters, offset, limit, items, {place: page.errors.get(place) for place in nameless}
            )
            for place, item in found.items():
                items[place] = observe(item, lab_grown=lab_grown)
        unidentified = [place for place, item in enumerate(items) if item is None]
        if nameless:
            log.warning("page_with_null_items", offset=offset, null=len(nameless), unidentified=len(unidentified))
        return Page(
            received=page.received, items=[item for item in items if item is not None], unidentified=unidentified
        )

    async def _in_parts(self, filters: Filters, offset: int, limit: int) -> _Received:
        """A page in one answer, or in several where one would be too large or is refused because of an item."""
        query = msgspec.json.encode(filters, order="deterministic")
        page: _Received | None = None
        position, end, size = offset, offset + limit, limit
        while position < end:
            size = self._sizes.get((query, position), size)
            asked = min(size, end - position)
            try:
                answer = await self._ask(PAGE, filters, position, asked)
            except (AnswerTooLarge, ItemsLost) as error:
                log.warning("page_not_answered", offset=position, items=asked, error=error.message)
                if asked > 1:
                    size = self._smaller(query, position, asked, error)
                    continue
                # The item that is the reason is found: the next part may be large again.
                size = limit
                part, errors = [NULL], {0: _reason(error)}
            else:
                part = [bytes(item) for item in answer.items]
                errors = {place: entry for place in range(len(part)) if (entry := answer.error(place)) is not None}
            page = page or _Received(time.monotonic(), [], {})
            page.errors |= {len(page.items) + place: entry for place, entry in errors.items()}
            page.items += part
            position += asked
            if len(part) < asked:
                break
        return page or _Received(time.monotonic(), [], {})

    def _smaller(self, query: bytes, position: int, asked: int, error: AnswerTooLarge | ItemsLost) -> int:
        """The next size to ask for at a position, where this one was not answered."""
        if isinstance(error, ItemsLost):
            return max(1, min(asked // 2 if error.first is None else error.first, asked - 1))
        self._sizes[query, position] = size = asked // 2
        self._sizes.move_to_end((query, position))
        while len(self._sizes) > _REMEMBERED:
            self._sizes.popitem(last=False)
        return size

    async def _identify(
        self,
        filters: Filters,
        offset: int,
        limit: int,
        items: Sequence[Observed | None],
        nulls: Mapping[int, ErrorEntry | None],
    ) -> dict[int, bytes]:
        """The payloads of null items whose ids can be learned; a few calls, however many of the items are null."""
        known = [item.supplier_stone_id if item and item.identified else None for item in items]
        prices = [item.price_cents if item else None for item in items]
        matches: dict[int, Match] = {}
        for selection in _SMALLER_SELECTIONS:
            left = {place: error for place, error in nulls.items() if place not in matches}
            if not left:
                break
            try:
                answer = await self._ask(selection, filters, offset, limit)
            except (AnswerTooLarge, ItemsLost) as error:
                log.warning("null_items_not_shown", selection=selection.name, error=error.message)
                continue
            taken = [matches[place].item.stone_id if place in matches else name for place, name in enumerate(known)]
            matches |= null_items.match(left, taken, [null_items.shown(item) for item in answer.items], prices)
        found = {place: null_items.payload(one.item, nulls[place]) for place, one in matches.items() if one.certain}
        doubtful = {place: one.item for place, one in matches.items() if not one.certain}
        return found | (await self._confirm(doubtful, nulls) if doubtful else {})

    async def _confirm(self, doubtful: Mapping[int, Shown], nulls: Mapping[int, ErrorEntry | None]) -> dict[int, bytes]:
        """Ask for exactly these stones: those that are shown now were null for a moment, or are others."""
        ids = [item.stone_id for item in doubtful.values()]
        answer = await self._in_parts({"filter_ids": ids}, 0, len(ids))
        shown = {observed.supplier_stone_id: bytes(item) for item in answer.items
                 if item != NULL and (observed := observe(bytes(item))).identified}  # fmt: skip
        found = {place: shown[item.stone_id] for place, item in doubtful.items() if item.stone_id in shown}
        left = {place: item for place, item in doubtful.items() if place not in found}
        if len(left) == sum(item == NULL for item in answer.items):
            found |= {place: null_items.payload(item, nulls[place]) for place, item in left.items()}
        return found

    async def _ask(self, selection: PageOperation, filters: Filters, offset: int, limit: int) -> Items:
        answer = await self._client.call(selection, {"query": filters, "offset": offset, "limit": limit})
        return answer.account.diamonds_by_query


def _reason(error: AnswerTooLarge | ItemsLost) -> ErrorEntry:
    return error.entries[0] if isinstance(error, ItemsLost) else ErrorEntry(error.message)
