"""Page reader of one query: overlapping pages with anchors, so that no listing is skipped while the feed moves.

Offsets drift: when a listing before the next page sells, that page starts one listing too late. So a page starts with the
last listing of the page before, an anchor. The reader accepts the page only if it adjoins the listings read before.
Otherwise the reader steps back and tries again.

Guarantee: a listing that is in the feed from the first page to the last, at one price, is delivered. Assumptions: the
pages show contiguous positions of a list ordered by price, listings of different prices keep their order, and a page is
one moment of the feed. Counting finds violations of these assumptions (`completeness.py`). Invariant of every accepted
page:

    Every unchanged listing at or before an anchor has been delivered, and so have those between two anchors.

A page at an offset adjoins the listings read before if one of these holds:

1. It starts at offset 0.
2. An anchor is on it, with the same id and the same price (at another price it may have moved). Unchanged listings
   before it were delivered; those after it are on this page or on later ones.
3. A listing on it is cheaper than the floor, the price of the last priced listing that was delivered. In a feed ordered
   by price, unread listings cost at least the floor and stand behind that listing. The first page that is not ordered
   by price ends this rule.
4. Its first priced listing costs exactly the floor. Then only listings of that one price can have been skipped. The price
   becomes a suspect, and the proof of completeness verifies it. Listings without a price are one such group, at the end.

The order among listings of one price is not promised by any supplier. While it is stable, one overlapping listing per
page is enough. A page that repeats listings in another order than before is a sign of the opposite: `disorder`.

The partition of unpriced stones starts in the middle of the unfiltered feed. There one more assumption holds: listings
without a price are together at the end. Any listing with a price proves such a page.
"""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from inventory.core.errors import FeedRestless
from sync.planning.listing import Listing, PageView

# A listing that a later page is compared with: its offer and its price.
Anchor = tuple[int, int | None]

ANCHORS = 3
"""Number of anchors from the end of a page."""

# Pages that a query may cost: a multiple of the pages at rest, and a constant.
_PATIENCE = 4
_SPARE_PAGES = 50
# Requests for one offset before a short page is accepted, and before the end of the pages is accepted.
_SHORT_TRIES = 2
_END_TRIES = 3
_SMALL_PART = 3
_ANY_PRICE = 2**31 * 100


class ReadPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Reading progress of a query. Stored with the listings of its page, in one transaction.

    `anchors`: the last listings delivered, in order. `floor_cents`: price of the last priced one. `ordered`: whether all
    pages so far were ordered by price. `back`: length of the last step back, 0 after an accepted page. `tries`: earlier
    requests for this offset. `anchor_lost`: an anchor was lost, so later pages overlap by more. `unanchored`: the last page had no
    listing to continue from, so the next one is accepted without a proof. `capped`: the supplier's pages are shorter than
    requested. `disorder`: pages contradicted each other. `suspect_prices`: prices (cents) of rule 4, and of items without an id
    that may have been counted twice. `unidentified_until`: the highest price that an item without an id may have. `pages`:
    pages requested so far. `ended_early`: the pages end before the count does.
    """

    next_offset: int
    anchors: tuple[Anchor, ...] = ()
    floor_cents: int | None = None
    ordered: bool = True
    back: int = 0
    tries: int = 0
    anchor_lost: bool = False
    unanchored: bool = False
    capped: bool = False
    disorder: bool = False
    suspect_prices: tuple[int, ...] = ()
    unidentified_until: int | None = None
    pages: int = 0
    finished: bool = False
    ended_early: bool = False


class QueryReader:
    """Computes the next position after each page. All state is in the position, except the order of the last page."""

    def __init__(self, *, planned: int, limit: int, overlap: int = 1) -> None:
        """`planned`: expected listings. `limit`: listings requested with a page. `overlap`: fewer than `limit`."""
        if not 1 <= overlap < limit:
            raise ValueError("the overlap of pages is at least one listing and less than the limit")
        self.limit = limit
        self._overlap = overlap
        self._max_pages = _SPARE_PAGES + _PATIENCE * (planned // (limit - overlap) + 1)
        self._max_capped_pages = _SPARE_PAGES + _PATIENCE * planned
        self._previous: tuple[int, ...] = ()

    def read(self, at: ReadPosition, page: PageView, *, end: int, new: int) -> ReadPosition:
        """Process the page at `at.next_offset` and return the next position.

        `end`: number of positions that the supplier counts. `new`: number of listings of the page that are new.

        Raises:
            FeedRestless: too many pages were read.
        """
        if at.pages >= (self._max_capped_pages if at.capped else self._max_pages):
            raise FeedRestless(
                f"the feed changes faster than it can be read: {at.pages} pages and no end",
                details={"pages": at.pages, "next_offset": at.next_offset},
            )
        offers = tuple(listing.offer for listing in page.listings)
        ordered = at.ordered and _in_order_of_price(page.listings)
        at = msgspec.structs.replace(
            at,
            pages=at.pages + 1,
            ordered=ordered,
            disorder=at.disorder or not ordered or self._contradicts(at, offers) or (at.tries > 0 and new > 0),
        )
        if page.unidentified:
            at = self._with_unidentified_suspects(at, page, end)
        first = _adjoins(at, page.listings)
        if first is None and _starts_at_floor(at, page.listings):
            first = 0
            at = _with_tied_suspect(at, page.listings)
        if first is None:
            return self._step_back(at)
        self._previous = offers
        return self._advance(at, page, first, end, new)

    def _contradicts(self, at: ReadPosition, offers: tuple[int, ...]) -> bool:
        """Whether a page repeats a listing, or the overlap differs from the page before in order or members."""
        if len(set(offers)) < len(offers):
            return True
        if at.back or at.tries or not self._previous:
            return False
        known = set(self._previous)
        again = tuple(offer for offer in offers if offer in known)
        return again != offers[: len(again)] or again != self._previous[len(self._previous) - len(again) :]

    def _with_unidentified_suspects(self, at: ReadPosition, page: PageView, end: int) -> ReadPosition:
        """Add the neighbour prices of items without an id to `suspect_prices`, because two such items may be the same one.

        An item that a page repeats, or that the next page shows elsewhere, appears as two. The price of such an item is
        between those of its neighbours. Two of them may be one item if these ranges meet, or if they are on one page.
        """
        if at.back or at.tries or (page.length < self.limit and at.next_offset + page.length < end):
            return msgspec.structs.replace(at, disorder=True)
        found, until = set(at.suspect_prices), at.unidentified_until
        for before, after in page.price_ranges():
            lowest = before if before is not None else at.floor_cents
            meets = until is not None and (lowest is None or lowest <= until)
            if meets or after is None or len(page.unidentified) > 1:
                if lowest is None and after is None:
                    return msgspec.structs.replace(at, disorder=True)
                found |= {price for price in (lowest, after) if price is not None}
            until = max(until or 0, _ANY_PRICE if after is None else after)
        return msgspec.structs.replace(at, suspect_prices=tuple(sorted(found)), unidentified_until=until)

    def _step_back(self, at: ReadPosition) -> ReadPosition:
        """Step back by half a page, then twice as far each time."""
        back = 2 * at.back or max(1, self.limit // 2)
        return msgspec.structs.replace(
            at, next_offset=max(0, at.next_offset - back), back=back, tries=0, anchor_lost=True
        )

    def _advance(self, at: ReadPosition, page: PageView, first: int, end: int, new: int) -> ReadPosition:
        if page.listings and (first < len(page.listings) or _anchor_places(at, page.listings)):
            last = page.listings[-ANCHORS:]
            at = msgspec.structs.replace(
                at,
                anchors=tuple((listing.offer, listing.price) for listing in last),
                floor_cents=next(
                    (listing.price for listing in reversed(page.listings) if listing.price is not None), at.floor_cents
                ),
            )
        at = msgspec.structs.replace(at, back=0, unanchored=False)
        reached = at.next_offset + page.length
        following = reached - self._overlapping(at, page)
        if page.length >= self.limit:
            if following > at.next_offset:
                return msgspec.structs.replace(at, next_offset=following, tries=0)
            return msgspec.structs.replace(at, next_offset=reached, tries=0, anchors=(), unanchored=True, disorder=True)
        if reached >= end and not (at.capped and following > at.next_offset):
            return msgspec.structs.replace(at, next_offset=following, finished=True)
        return self._after_short_page(at, following, new)

    def _after_short_page(self, at: ReadPosition, following: int, new: int) -> ReadPosition:
        """Handle a page that is shorter than requested, although the supplier counts more positions."""
        tries = at.tries + 1
        moves = following > at.next_offset
        if moves and (at.capped or tries >= _SHORT_TRIES):
            return msgspec.structs.replace(at, next_offset=following, tries=0, capped=at.capped or new == 0)
        if not moves and tries >= _END_TRIES:
            return msgspec.structs.replace(at, finished=True, ended_early=True)
        return msgspec.structs.replace(at, tries=tries)

    def _overlapping(self, at: ReadPosition, page: PageView) -> int:
        """Return the positions of a page that the next one covers again, with at least one identified listing."""
        overlap = max(self._overlap, ANCHORS) if at.anchor_lost else self._overlap
        # A small part of a page that is capped.
        positions = page.positions()[-max(1, min(overlap, page.length // _SMALL_PART)) :]
        return page.length - positions[0] if positions else 0


def _adjoins(at: ReadPosition, listings: Sequence[Listing]) -> int | None:
    """Return the first index on the page that may be unread. None if listings before the page may be unread too."""
    found = _anchor_places(at, listings)
    if found:
        return found[0] + 1
    priced = [place for place, listing in enumerate(listings) if listing.price is not None]
    if at.ordered and at.floor_cents is not None:
        cheaper = [place for place in priced if (listings[place].price or 0) < at.floor_cents]
        if cheaper:
            return cheaper[-1] + 1
    if at.next_offset == 0 or at.unanchored or (not at.anchors and at.ordered and priced):
        return 0
    return None


def _starts_at_floor(at: ReadPosition, listings: Sequence[Listing]) -> bool:
    """Whether the page starts among the listings of the last price that was delivered (rule 4)."""
    if not at.ordered or not listings:
        return False
    first = next((listing.price for listing in listings if listing.price is not None), None)
    if first is None:
        return bool(at.anchors) and at.anchors[-1][1] is None
    return first == at.floor_cents


def _with_tied_suspect(at: ReadPosition, listings: Sequence[Listing]) -> ReadPosition:
    """Add the tied price as a suspect. Listings without a price have no price to verify."""
    cents = next((listing.price for listing in listings if listing.price is not None), None)
    if cents is None:
        return msgspec.structs.replace(at, disorder=True)
    if cents in at.suspect_prices:
        return at
    return msgspec.structs.replace(at, suspect_prices=(*at.suspect_prices, cents))


def _anchor_places(at: ReadPosition, listings: Sequence[Listing]) -> list[int]:
    return [place for place, listing in enumerate(listings) if (listing.offer, listing.price) in at.anchors]


def _in_order_of_price(listings: Sequence[Listing]) -> bool:
    prices = [listing.price for listing in listings if listing.price is not None]
    return all(lower <= higher for lower, higher in pairwise(prices))
