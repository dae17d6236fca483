"""Counts and pages of the ranges of one query, compared with its known listings. The number of requests is bounded."""

from collections.abc import Sequence

import msgspec

from sync.planning.known import KnownListings
from sync.planning.listing import Listing, PageView, SubQuery
from sync.planning.ranges import ALL_WEIGHTS, CENTS, LARGEST_DOLLARS, CaratRange, DollarRange, edge_in_carats
from sync.planning.requests import Steps, count_listings, read_page


class RepairFailed(Exception):
    """A part cannot be proven, or the requests of a repair are used up."""


class RangeQueries:
    """The ranges of one query. Its requests are bounded by `budget`."""

    def __init__(self, known: KnownListings, part: SubQuery, *, limit: int, budget: int, reading: int) -> None:
        """`part`: the query. `limit`: listings of a page. `reading`: number of the pass, as in `PageRequest`."""
        self.known = known
        self.whole = DollarRange(part.price_from or 0, LARGEST_DOLLARS if part.price_to is None else part.price_to)
        self.used = 0
        # Listings that were found, have changed, or have left.
        self.changes = 0
        # Whether the supplier includes the ends of a range; None before it is known.
        self.inclusive: bool | None = None
        self._part = part
        self._limit = limit
        self._reading = reading
        self._left = budget

    def learn_ends(self) -> Steps[None]:
        """Find out whether a range includes its ends: count a whole-dollar price that is known to exist.

        Raises:
            RepairFailed: the requests are used up.
        """
        if self.inclusive is not None:
            return
        whole_prices = [
            (listings, cents // CENTS)
            for cents, listings in self.known.prices(self.whole.low * CENTS, self.whole.high * CENTS)
            if cents % CENTS == 0
        ]
        if whole_prices:
            _, dollars = max(whole_prices)
            part = msgspec.structs.replace(self._part, price_from=dollars, price_to=dollars)
            self.spend()
            self.inclusive = (yield from count_listings(part)) > 0

    def count(self, span: DollarRange, weights: CaratRange = ALL_WEIGHTS) -> Steps[int]:
        """Request the supplier's count of a range.

        Raises:
            RepairFailed: the requests are used up.
        """
        self.spend()
        return (yield from count_listings(self._query(span, weights)))

    def page(self, span: DollarRange, weights: CaratRange, offset: int) -> Steps[PageView]:
        """Request a page of a range and add its listings to the known ones.

        Raises:
            RepairFailed: the requests are used up.
        """
        self.spend()
        page = yield from read_page(self._query(span, weights), offset, self._limit, self._reading)
        self.changes += self.known.changes(page.listings)
        self.known.add(page.listings)
        return page

    def held(self, span: DollarRange, weights: CaratRange = ALL_WEIGHTS) -> int:
        """Number of known listings in a range."""
        return self.known.count(lambda listing: self._holds(span, weights, listing), *self._cents(span))

    def differs(self, span: DollarRange) -> Steps[bool]:
        """Whether the supplier's count of a range differs from the number of known listings.

        Raises:
            RepairFailed: the requests are used up.
        """
        return (yield from self.count(span)) != self.held(span)

    def settle(
        self, span: DollarRange, weights: CaratRange, shown: set[int], unidentified: Sequence[int | None]
    ) -> None:
        """Replace the known listings of a range by those of a complete reading, as `KnownListings.settle` does."""
        self.changes += self.known.settle(
            lambda listing: self._holds(span, weights, listing), *self._cents(span), shown, unidentified
        )

    def spend(self) -> None:
        """Account for one request.

        Raises:
            RepairFailed: the budget is used up.
        """
        if self._left <= 0:
            raise RepairFailed(f"{self.used} further requests did not find the missing stones")
        self._left -= 1
        self.used += 1

    def _query(self, span: DollarRange, weights: CaratRange) -> SubQuery:
        """The sub-query of a range. Where ends may be excluded it is a dollar wider, within the whole."""
        wider = 0 if self.inclusive else 1
        low, high = max(self.whole.low, span.low - wider), min(self.whole.high, span.high + wider)
        return msgspec.structs.replace(
            self._part,
            price_from=self._part.price_from if low == self.whole.low else low,
            price_to=self._part.price_to if high == self.whole.high else high,
            carats_from=None if weights.low is None else edge_in_carats(weights.low),
            carats_to=None if weights.high is None else edge_in_carats(weights.high),
        )

    def _holds(self, span: DollarRange, weights: CaratRange, listing: Listing) -> bool:
        """Whether the sub-query of a range certainly includes a listing: at an end only if ends are included."""
        if listing.price is None or not weights.holds(listing.carats):
            return False
        if self.inclusive:
            return span.low * CENTS <= listing.price <= span.high * CENTS
        low, high = max(self.whole.low, span.low - 1), min(self.whole.high, span.high + 1)
        return low * CENTS < listing.price < high * CENTS

    def _cents(self, span: DollarRange) -> tuple[int, int]:
        wider = 0 if self.inclusive else 1
        return (span.low - wider) * CENTS, (span.high + wider) * CENTS
