"""Reading a partition page by page, so that no stone is skipped while the feed moves underneath.

Offsets drift: when a stone before the next page sells, that page starts one stone too late. So a page begins with the
last few stones of the one before, the anchors, and counts only if it proves that it adjoins what was read; else the
reader steps back and tries again.

What is promised: a stone that is in the feed from the first page to the last, at one price, is delivered. What is
assumed: two such stones stand in the same order on every page (but see the ties below), whatever else comes and goes,
and a page is one moment of the feed. Then everything rests on one sentence that every proven page keeps true:

    Whatever stays unchanged and stands at or before an anchor, has been delivered; and so has what stands between
    an anchor and the last one.

A page at an offset proves that it adjoins when one of these holds, for then nothing unread can stand before it:

1. It starts at offset 0.
2. An anchor is on it, with the same id and the same price (at another price it may have moved). Unchanged stones
   before it were delivered by the sentence above; those behind it are on this page or on later ones. Any one anchor
   does, wherever its neighbours went: what follows the first one found is delivered, but for the other anchors.
3. A stone on it is cheaper than the floor, the price of the last priced stone that was delivered: in a feed ordered by
   price, whatever is unread costs at least as much as the floor and stands behind that stone. This saves the way back
   when all anchors are gone, and finds the way forward when they were pushed far behind. The first page that is not
   in the order of price ends this trust for good. A price that can't be read is left out of it.

Ties may be broken otherwise on every page: no supplier promises an order among stones of one price. So a page begins not
only with the anchors but with every stone of the last price, and all of them stand on it together. Only where a price has
more stones than a page holds does it rest on the assumption that their order is kept.

The partition of unpriced stones starts in the middle of the unfiltered feed. That nothing unread stands before its
first page rests on one more assumption: stones without a price stand together at the end. Then a page proves itself
by any stone that has a price.
"""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from app.core.errors import FeedRestless
from sync.domain.partition import Band

# A stone as the reader sees it: the supplier's id and the price in cents, None where there is none.
Mark = tuple[str, int | None]

# Pages that a partition may cost: so many times what it needs at rest, and some more.
_PATIENCE = 4
_SPARE_PAGES = 50


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """How far a partition has been read: stored with the stones of its page, in one transaction.

    `anchors`: the last stones delivered, in order. `floor_cents`: price of the last priced one. `ordered`: whether all
    pages so far were in the order of price. `back`: how far the last step back went, 0 after a page that counted.
    `pages`: pages asked for so far.
    """

    next_offset: int
    anchors: tuple[Mark, ...] = ()
    floor_cents: int | None = None
    ordered: bool = True
    back: int = 0
    pages: int = 0
    finished: bool = False


class Reader:
    """Decides page by page; holds nothing between two of them, all is in the checkpoint."""

    def __init__(self, band: Band, *, limit: int = 50, overlap: int = 3) -> None:
        """`limit`: stones that are asked for with a page. `overlap`: anchors, fewer than `limit`."""
        if not 1 <= overlap < limit:
            raise ValueError("a page overlaps the one before by at least one stone, and not by all of them")
        self._start = band.first_offset
        self._limit = limit
        self._overlap = overlap
        self._most_pages = _SPARE_PAGES + _PATIENCE * (band.planned // (limit - overlap) + 1)

    def start(self) -> Checkpoint:
        """Where the partition begins."""
        return Checkpoint(next_offset=self._start)

    def read(self, at: Checkpoint, page: Sequence[Mark]) -> Checkpoint:
        """Take in the page at `at.next_offset`; answers where to go on. A page shorter than the limit ends the feed.

        Whatever is on a page is a look at a stone, also where the reader has to step back behind it.

        Raises:
            FeedRestless: so many pages were read that this may never end.
        """
        if at.pages >= self._most_pages:
            raise FeedRestless(
                f"the feed changes faster than it can be read: {at.pages} pages and no end",
                details={"pages": at.pages, "next_offset": at.next_offset},
            )
        ordered = at.ordered and _in_order_of_price(page)
        first = _adjoins(at, page, ordered=ordered)
        if first is None:
            return self._back(at, ordered=ordered)
        return self._onward(at, page, first, ordered=ordered)

    def _back(self, at: Checkpoint, *, ordered: bool) -> Checkpoint:
        """Half a page back, then twice as far each time."""
        back = 2 * at.back or max(1, self._limit // 2)
        return msgspec.structs.replace(
            at, next_offset=max(0, at.next_offset - back), back=back, ordered=ordered, pages=at.pages + 1
        )

    def _onward(self, at: Checkpoint, page: Sequence[Mark], first: int, *, ordered: bool) -> Checkpoint:
        anchors, floor = at.anchors, at.floor_cents
        if first < len(page) or _found(at, page):
            anchors = tuple(page[-self._overlap :])
            floor = next((cents for _, cents in reversed(page) if cents is not None), floor)
        return Checkpoint(
            next_offset=max(at.next_offset + len(page) - max(self._overlap, _tied(page)), 0),
            anchors=anchors,
            floor_cents=floor,
            ordered=ordered,
            pages=at.pages + 1,
            finished=len(page) < self._limit,
        )


def _adjoins(at: Checkpoint, page: Sequence[Mark], *, ordered: bool) -> int | None:
    """The first place on the page whose stone may be unread; None where stones before the page may be unread too."""
    found = _found(at, page)
    if found:
        return found[0] + 1
    priced = [place for place, (_, cents) in enumerate(page) if cents is not None]
    if ordered and at.floor_cents is not None:
        cheaper = [place for place in priced if _cents(page[place]) < at.floor_cents]
        if cheaper:
            return cheaper[-1] + 1
    if at.next_offset == 0 or (ordered and not at.anchors and priced):
        return 0
    return None


def _tied(page: Sequence[Mark]) -> int:
    """How many stones at the end of a page cost the same; 0 where all of it does, for then there is no way around them."""
    before = next((place for place in reversed(range(len(page))) if page[place][1] != page[-1][1]), None)
    return 0 if before is None else len(page) - 1 - before


def _found(at: Checkpoint, page: Sequence[Mark]) -> list[int]:
    return [place for place, mark in enumerate(page) if mark in at.anchors]


def _cents(mark: Mark) -> int:
    return mark[1] or 0


def _in_order_of_price(page: Sequence[Mark]) -> bool:
    priced = [cents for _, cents in page if cents is not None]
    return all(lower <= higher for lower, higher in pairwise(priced))
