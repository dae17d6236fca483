"""Additional reads of a pass: unpriced listings, changed listings, and the whole unfiltered feed."""

from collections.abc import Sequence

import msgspec

from sync.planning.listing import Listing, SubQuery
from sync.planning.partition import LARGEST_OFFSET
from sync.planning.partition_state import UNPRICED_MARGIN, PartitionState
from sync.planning.requests import Steps, count_listings, read_page

# Readings of the unpriced listings without a new one before they are given up.
_COLLECT_TRIES = 12
# Readings of the whole feed for listings that match no range.
_READINGS_OF_EVERYTHING = 3
# Changed listings are read while they are fewer than this share of a pass, or than some pages.
_CHANGED_SHARE = 0.5
_CHANGED_PAGES = 20


class AdditionalReads:
    """Reads what the pages of a pass may have missed."""

    def __init__(self, state: PartitionState) -> None:
        self._state = state

    def unpriced(self, number: int) -> Steps[bool]:
        """Read the unpriced listings until they add up: they cannot be divided by price. True if any is new or changed.

        Raises:
            RepairFailed: the requests of the repair are used up.
        """
        state = self._state
        part, known, repair = state.query_of_pass(number), state.known[number], state.repair_of(number)
        shown: set[int] = set()
        changes, idle = 0, 0
        while idle < _COLLECT_TRIES:
            before, unidentified = len(shown), 0
            priced = yield from count_listings(msgspec.structs.replace(part, price_from=0))
            end = yield from count_listings(part)
            repair.spend()
            for offset in range(max(0, priced - UNPRICED_MARGIN), end, state.limit):
                repair.spend()
                page = yield from read_page(part, offset, state.limit, number)
                unpriced = state.members(page.listings) if state.outside else _unpriced(page.listings)
                changes += known.changes(unpriced)
                known.add(unpriced)
                shown |= {listing.offer for listing in unpriced}
                unidentified += len(page.unidentified) if not page.listings or unpriced else 0
            if len(shown) + unidentified >= end - priced:
                return changes + known.settle_unpriced(shown, unidentified) > 0
            idle = 0 if len(shown) > before else idle + 1
        return changes > 0

    def whole_feed(self, number: int) -> Steps[bool]:
        """Read the unfiltered pages until they show as many listings as are counted. False if they do not.

        A listing that matches no range may still show a price. Then it stands anywhere in the feed.
        """
        part, limit = self._state.query_of_pass(number), self._state.limit
        shown: set[int] = set()
        for _ in range(_READINGS_OF_EVERYTHING):
            end, unidentified = (yield from count_listings(part)), 0
            if end > LARGEST_OFFSET:
                return False
            for offset in range(0, end, max(1, limit - 1)):
                page = yield from read_page(part, offset, limit, number)
                shown |= {listing.offer for listing in page.listings}
                unidentified += len(page.unidentified)
            if len(shown) + unidentified >= end:
                return True
        return False

    def changed(self, number: int) -> Steps[tuple[int, int]]:
        """Read the changed listings of a pass. Returns the number of missing listings and the tolerated number.

        The tolerated number is the growth between the two counts of changed listings.
        """
        known, part = self._state.known[number], self._state.query_of_pass(number)
        changed = msgspec.structs.replace(part, changed="recently")
        before = yield from count_listings(changed)
        yield from self._read_all(number, changed, before)
        counted, _ = yield from self._state.count_of_pass(part)
        after = yield from count_listings(changed)
        return known.missing(counted), max(0, after - before)

    def recent(self, number: int) -> Steps[bool]:
        """Read the listings that changed shortly before the run opened. True if any is new: the supplier's clock is behind."""
        part = msgspec.structs.replace(self._state.query_of_pass(number), changed="recently")
        counted = yield from count_listings(part)
        return (yield from self._read_all(number, part, counted)) > 0

    def _read_all(self, number: int, part: SubQuery, counted: int) -> Steps[int]:
        """Read the pages of a small part. Returns the number of new or changed listings."""
        state, changes = self._state, 0
        known, limit = state.known[number], state.limit
        if counted > max(_CHANGED_PAGES * limit, _CHANGED_SHARE * state.checkpoint.passes[number].counted):
            return 0
        for offset in range(0, counted, max(1, limit - 1)):
            page = yield from read_page(part, offset, limit, number)
            listings = state.members(page.listings)
            changes += known.changes(listings)
            known.add(listings)
        return changes


def _unpriced(listings: Sequence[Listing]) -> list[Listing]:
    return [listing for listing in listings if listing.price is None]
