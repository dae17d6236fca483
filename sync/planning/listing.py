"""Listings, pages and sub-queries of a supplier's feed.

A *listing* is one item of the feed: an offer of a stone at a price. The supplier counts and pages listings, and one stone
may be offered twice, so completeness is proven in listings.
"""

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

Changed = Literal["since_opening", "recently"]


class Listing(NamedTuple):
    """One item of a page.

    `offer`, `stone`: hashes of the ids of the offer and its stone. `price`: US cents, `carats`: thousandths of a carat;
    None if the item has none.
    """

    offer: int
    stone: int
    price: int | None
    carats: int | None = None


class PageView(NamedTuple):
    """A page: its listings in order, and the positions (from 0) of items that could not be identified."""

    listings: Sequence[Listing]
    unidentified: Sequence[int] = ()

    @property
    def length(self) -> int:
        """Number of positions that the page covers."""
        return len(self.listings) + len(self.unidentified)

    def positions(self) -> list[int]:
        """Return the position on the page of each listing."""
        unidentified = set(self.unidentified)
        return [place for place in range(self.length) if place not in unidentified]

    def neighbour_prices(self) -> list[int | None]:
        """Return for each unidentified item the price of the listing before it, or after it if none is before."""
        if not self.unidentified:
            return []
        places = self.positions()
        prices = [listing.price for listing in self.listings]
        found = [bisect_left(places, place) - 1 for place in self.unidentified]
        return [prices[max(0, at)] if prices else None for at in found]

    def price_ranges(self) -> list[tuple[int | None, int | None]]:
        """Return for each unidentified item the prices of the listings before and after it; None if the page has none."""
        places = self.positions()
        found = [bisect_left(places, place) for place in self.unidentified]
        prices = [None, *(listing.price for listing in self.listings), None]
        return [(prices[at], prices[at + 1]) for at in found]


class SubQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A sub-query of the run's query. Both ends of a range are inclusive, None is open.

    `price_from`, `price_to`: whole US dollars. `carats_from`, `carats_to`: carats. `lab_grown`: the origin, None for both.
    `cross_from`, `cross_to`: a range of the cross filter, which divides listings without a price. It is the price in whole
    US dollars if partitions are ranges of prices per carat, else the weight in hundredths of a carat.
    `changed`: only listings that the supplier has changed since the run opened; with "recently", also those that match the
    run's query and changed shortly before, because the supplier's clock may be behind.
    """

    price_from: int | None = None
    price_to: int | None = None
    carats_from: Decimal | None = None
    carats_to: Decimal | None = None
    cross_from: int | None = None
    cross_to: int | None = None
    lab_grown: bool | None = None
    changed: Changed | None = None


EVERYTHING = SubQuery()


class CountRequest(msgspec.Struct, frozen=True):
    """Request the number of matching listings from the supplier. The answer is an integer."""

    part: SubQuery


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Request a page from the supplier. The answer is a `PageView`.

    `reading`: number of the pass that the page belongs to, so that its listings can be restored after a restart.
    """

    part: SubQuery
    offset: int
    limit: int
    reading: int = 0


Request = CountRequest | PageRequest
Answer = int | PageView
