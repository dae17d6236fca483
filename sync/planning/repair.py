"""Repair of a query that showed fewer or more listings than the supplier counts.

The price range is divided until a part fits one page. One page is one moment, and it shows such a part completely in any
order: a part whose page holds as many listings as are counted is proven. Where listings are missing is found by comparing
counts with what is known, by halving. That comparison only saves requests: a wrong guess never counts as a proof.

A single price with more listings than a page holds is divided by weight. The edges lie between two thousandths of a carat,
so no stone lies on them. Listings without a weight match no range of weights, and stones of one weight cannot be divided:
their pages are requested again and again until the ids add up.
"""

from collections.abc import Generator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import TypeVar

import msgspec

from sync.planning.known import KnownListings
from sync.planning.listing import Answer, CountRequest, Listing, PageRequest, PageView, Request, SubQuery

T = TypeVar("T")
Steps = Generator[Request, Answer, T]

LARGEST_DOLLARS = 2**31 - 1
_CENTS = 100
# Readings of a part without a new listing before it is given up: of one page, and of several pages in random order, where
# each reading shows a listing with a chance of about 0.6.
_IDLE_TRIES = 3
_COLLECT_TRIES = 12
# Further readings without a new listing before items without an id are believed: a page may repeat such an item.
_UNIDENTIFIED_TRIES = 2
# Share of a page that a planned part may hold: some listings are not known yet.
_FILLED = 0.7
# Ranges of a spot check.
_SPOTS = 8
_LONGEST_HALVING = 24
_HALF_MILLI = Decimal("0.0005")


_ANY = -1  # the lower edge of all weights


class RepairFailed(Exception):
    """A part cannot be proven, or the requests of a repair are used up."""


class DollarRange(msgspec.Struct, frozen=True):
    """Whole US dollars from `low` to `high`."""

    low: int
    high: int

    @property
    def divisible(self) -> bool:
        return self.high - self.low > 1


class CaratRange(msgspec.Struct, frozen=True):
    """Weights between two edges in thousandths of a carat, each edge half a thousandth above the number; None is open."""

    low: int | None = None
    high: int | None = None

    def holds(self, carats: int | None) -> bool:
        if self.low is None and self.high is None:
            return True
        return (
            carats is not None
            and (self.low is None or carats > self.low)
            and (self.high is None or carats <= self.high)
        )

    def divided_by(self, edge: int) -> bool:
        return (self.low is None or self.low < edge) and (self.high is None or edge < self.high)


ALL_WEIGHTS = CaratRange()


class Repair:
    """Repairs one query. Its requests are bounded by `budget`."""

    def __init__(
        self, known: KnownListings, part: SubQuery, *, limit: int, budget: int, reading: int = 0, by_weight: bool = True
    ) -> None:
        """`part`: the query. `limit`: listings of a page. `reading`: number of the pass, as in `PageRequest`.

        `by_weight`: whether the supplier can be asked for a range of weights.
        """
        self._known = known
        self._part = part
        self._limit = limit
        self._reading = reading
        self._by_weight = by_weight
        self._left = budget
        self.used = 0
        # Listings that were found, have changed, or have left.
        self.changes = 0
        # Whether every part of the query has been proven.
        self.proven = False
        # Whether the feed moves: then a part may have shown listings that have left it since.
        self.moving = False
        self._whole = DollarRange(part.price_from or 0, LARGEST_DOLLARS if part.price_to is None else part.price_to)
        # Whether the supplier includes the ends of a range; None before it is known.
        self._inclusive: bool | None = None

    def reconcile(self, counted: int, suspects: Sequence[int]) -> Steps[None]:
        """Find the listings that are missing or have left, prices under suspicion (cents) first.

        Raises:
            RepairFailed: a part cannot be proven, or the requests are used up.
        """
        yield from self._learn_ends()
        for cents in suspects:
            if self._known.matches(counted) and not self._known.noted_prices:
                return
            yield from self._verify(_around(cents))
        for cents in self._known.noted_prices:
            yield from self._verify(_around(cents))
        if not self._known.matches(counted):
            yield from self._search(self._whole, counted - len(self._known))
        if not self._known.matches(counted):
            yield from self.verify_all()

    def spot_check(self) -> Steps[bool]:
        """Compare what is known with the counts of some adjoining ranges. True if all of them agree.

        Where pages contradicted each other one count that agrees is not enough: it may be wrong by just as many.

        Raises:
            RepairFailed: the requests are used up.
        """
        yield from self._learn_ends()
        parts = self._parts(self._whole)
        step = -(-len(parts) // _SPOTS)
        for place in range(0, len(parts), step):
            span = DollarRange(parts[place].low, parts[min(place + step, len(parts)) - 1].high)
            if (yield from self._count(span)) != self._held(span):
                return False
        return True

    def verify_prices(self, prices: Sequence[int]) -> Steps[None]:
        """Prove every listing at these prices (cents).

        Raises:
            RepairFailed: as `reconcile`.
        """
        yield from self._learn_ends()
        for cents in prices:
            yield from self._verify(_around(cents))

    def verify_all(self) -> Steps[None]:
        """Prove the whole query, part by part.

        Raises:
            RepairFailed: as `reconcile`.
        """
        self.proven = False
        yield from self._learn_ends()
        parts = self._parts(self._whole)
        for part in parts:
            yield from self._verify(part)
        # Between two parts that do not share an edge there is room for prices with cents.
        for lower, upper in pairwise(parts):
            gap = DollarRange(lower.high, upper.low)
            if self._inclusive and gap.low < gap.high and (yield from self._count(gap)) != self._held(gap):
                yield from self._verify(gap)
        self.proven = True

    # Where listings are missing

    def _search(self, span: DollarRange, difference: int) -> Steps[None]:
        """Look for a difference between the count of a range and what is known of it."""
        parts = self._parts(span)
        # Halving asks for about two counts a level and difference; beyond that it is cheaper to look at every part.
        if abs(difference) * 2 * len(parts).bit_length() >= len(parts):
            for part in parts:
                if (yield from self._count(part)) != self._held(part):
                    yield from self._verify(part)
            return
        middle = parts[len(parts) // 2].low
        lower, upper = DollarRange(span.low, middle), DollarRange(middle, span.high)
        below = (yield from self._count(lower)) - self._held(lower)
        if below:
            yield from self._search(lower, below)
        if below != difference:
            above = (yield from self._count(upper)) - self._held(upper)
            if above:
                yield from self._search(upper, above)

    def _parts(self, span: DollarRange) -> list[DollarRange]:
        """Ranges that each hold about a page of what is known; a price that fills a page has a separate range."""
        room = max(1, int(self._limit * _FILLED))
        parts: list[DollarRange] = []
        low, held = span.low, 0
        for cents, listings in self._known.prices(span.low * _CENTS, span.high * _CENTS):
            at = _around(cents)
            if listings > room:
                whole = at.low == at.high
                if low < at.low:
                    parts.append(DollarRange(low, at.low - whole))
                parts.append(at)
                low, held = at.high + whole, 0
                continue
            if held and held + listings > room and low < at.low:
                parts.append(DollarRange(low, at.low))
                low, held = at.low, 0
            held += listings
        if low <= span.high:
            parts.append(DollarRange(low, span.high))
        return parts

    # Proving a part

    def _verify(self, span: DollarRange) -> Steps[None]:
        """Prove a range."""
        counted = yield from self._count(span)
        if counted <= self._limit:
            yield from self._read_whole(span, ALL_WEIGHTS, counted, set())
        elif span.divisible:
            inner = [cents // _CENTS for cents, _ in self._known.prices(span.low * _CENTS, span.high * _CENTS)]
            inner = [dollars for dollars in inner if span.low < dollars < span.high]
            middle = inner[len(inner) // 2] if inner else between(span.low, span.high)
            yield from self._verify(DollarRange(span.low, middle))
            yield from self._verify(DollarRange(middle, span.high))
        else:
            weighed = yield from self._verify_weights(span, ALL_WEIGHTS, counted, depth=0)
            if self._known.number(weighed) < counted:
                yield from self._read_whole(span, ALL_WEIGHTS, counted, weighed)

    def _verify_weights(self, span: DollarRange, weights: CaratRange, counted: int, depth: int) -> Steps[set[int]]:
        """Prove the listings that have a weight, in parts; answers their offers. None where it cannot be divided."""
        edges = self._weight_edges(span, weights, counted) if self._by_weight else []
        if not edges or depth > _LONGEST_HALVING:
            if depth:
                return (yield from self._read_whole(span, weights, counted, set()))
            return set()
        shown: set[int] = set()
        for low, high in zip(
            [_ANY if weights.low is None else weights.low, *edges], [*edges, weights.high], strict=True
        ):
            part = CaratRange(low, high)
            inside = yield from self._count(span, part)
            if inside <= self._limit:
                shown |= yield from self._read_whole(span, part, inside, set())
            else:
                shown |= yield from self._verify_weights(span, part, inside, depth + 1)
        return shown

    def _weight_edges(self, span: DollarRange, weights: CaratRange, counted: int) -> list[int]:
        """Edges that divide a range of weights into parts of less than a page, as far as weights are known."""
        carats = [c for c in self._known.carats(span.low * _CENTS, span.high * _CENTS) if weights.holds(c)]
        if not carats:
            return _halves(weights)
        if carats[0] == carats[-1]:
            edges = [carats[0] - 1, carats[0]]
            return [] if [weights.low, weights.high] == edges else [edge for edge in edges if weights.divided_by(edge)]
        parts = max(2, -(-counted // max(1, int(self._limit * _FILLED))))
        places = {carats[len(carats) * number // parts] for number in range(1, parts)}
        return sorted(place for place in places if place < carats[-1]) or [carats[0]]

    def _read_whole(self, span: DollarRange, weights: CaratRange, counted: int, shown: set[int]) -> Steps[set[int]]:
        """Read the pages of a part until they have shown as many listings as are counted; answers their offers.

        `shown`: offers that are proven already.

        Raises:
            RepairFailed: the pages never show as many.
        """
        proven = frozenset(shown)
        most = list[int | None]()
        idle = pages = 0
        while idle < (_IDLE_TRIES if pages == 1 else _COLLECT_TRIES):
            before = len(shown)
            now, unidentified = set(proven), list[int | None]()
            pages = offset = 0
            while offset < counted or not pages:
                page = yield from self._page(self._query(span, weights), offset)
                now |= {listing.offer for listing in page.listings}
                unidentified += page.neighbour_prices()
                offset += page.length
                pages += 1
                if not page.length:
                    pages = max(1, pages - 1)
                    break
            shown |= now
            # All readings together, or this one alone where listings have left since.
            believed = not unidentified or idle >= _UNIDENTIFIED_TRIES
            for complete in (shown, now):
                if believed and self._known.number(complete) + len(unidentified) == counted:
                    self._settle(span, weights, complete, unidentified)
                    return complete
            idle = 0 if len(shown) > before else idle + 1
            most = max(most, unidentified, key=len)
            counted = yield from self._count(span, weights)
        number = self._known.number(shown)
        if number <= counted <= number + len(most):
            # In random order a reading meets an item without id twice, or not at all.
            self._settle(span, weights, shown, most[: counted - number])
            return shown
        if self.moving and number >= counted:
            return shown
        raise RepairFailed(f"{_words(span)}: {counted} are counted, {len(shown)} are shown")

    # The ends of a range

    def _learn_ends(self) -> Steps[None]:
        """Find out whether a range includes its ends: a price that is known to be there is counted on its own."""
        if self._inclusive is not None:
            return
        whole = [
            (listings, cents // _CENTS)
            for cents, listings in self._known.prices(self._whole.low * _CENTS, self._whole.high * _CENTS)
            if cents % _CENTS == 0
        ]
        if whole:
            _, dollars = max(whole)
            part = msgspec.structs.replace(self._part, price_from=dollars, price_to=dollars)
            self._inclusive = (yield from self._counted(part)) > 0

    def _query(self, span: DollarRange, weights: CaratRange) -> SubQuery:
        """The sub-query of a range. Where ends may be excluded it is a dollar wider, within the whole."""
        wider = 0 if self._inclusive else 1
        low, high = max(self._whole.low, span.low - wider), min(self._whole.high, span.high + wider)
        return msgspec.structs.replace(
            self._part,
            price_from=self._part.price_from if low == self._whole.low else low,
            price_to=self._part.price_to if high == self._whole.high else high,
            carats_from=None if weights.low is None else _carats(weights.low),
            carats_to=None if weights.high is None else _carats(weights.high),
        )

    def _holds(self, span: DollarRange, weights: CaratRange, listing: Listing) -> bool:
        """Whether the sub-query of a range certainly includes a listing: at an end only if ends are included."""
        if listing.price is None or not weights.holds(listing.carats):
            return False
        if self._inclusive:
            return span.low * _CENTS <= listing.price <= span.high * _CENTS
        low, high = max(self._whole.low, span.low - 1), min(self._whole.high, span.high + 1)
        return low * _CENTS < listing.price < high * _CENTS

    def _held(self, span: DollarRange, weights: CaratRange = ALL_WEIGHTS) -> int:
        return self._known.count(lambda listing: self._holds(span, weights, listing), *self._cents(span))

    def _settle(
        self, span: DollarRange, weights: CaratRange, shown: set[int], unidentified: Sequence[int | None]
    ) -> None:
        self.changes += self._known.settle(
            lambda listing: self._holds(span, weights, listing), *self._cents(span), shown, unidentified
        )

    def _cents(self, span: DollarRange) -> tuple[int, int]:
        wider = 0 if self._inclusive else 1
        return (span.low - wider) * _CENTS, (span.high + wider) * _CENTS

    def learn_unit(self) -> Steps[None]:
        """Find out whether the supplier counts offers or stones, with a query that hardly holds more than one such stone.

        Raises:
            RepairFailed: the requests are used up.
        """
        twice = self._known.twice
        if self._known.counts_stones is not None or twice is None or not self._by_weight:
            return
        yield from self._learn_ends()
        prices, carats = [one.price or 0 for one in twice], twice[0].carats or 0
        span = DollarRange(min(prices) // _CENTS, -(-max(prices) // _CENTS))
        weights = CaratRange(carats - 1, carats)
        for _ in range(_IDLE_TRIES):
            counted = yield from self._count(span, weights)
            page = yield from self._page(self._query(span, weights), 0)
            offers = len({listing.offer for listing in page.listings}) + len(page.unidentified)
            stones = len({listing.stone for listing in page.listings}) + len(page.unidentified)
            if stones < offers and counted in (stones, offers):
                self._known.counts_stones = counted == stones
                return

    # Requests

    def _count(self, span: DollarRange, weights: CaratRange = ALL_WEIGHTS) -> Steps[int]:
        return (yield from self._counted(self._query(span, weights)))

    def _counted(self, part: SubQuery) -> Steps[int]:
        self.spend()
        answer = yield CountRequest(part)
        assert isinstance(answer, int)  # noqa: S101 - the protocol of requests
        return answer

    def _page(self, part: SubQuery, offset: int) -> Steps[PageView]:
        self.spend()
        answer = yield PageRequest(part=part, offset=offset, limit=self._limit, reading=self._reading)
        assert isinstance(answer, PageView)  # noqa: S101 - the protocol of requests
        self.changes += self._known.changes(answer.listings)
        self._known.add(answer.listings)
        return answer

    def spend(self) -> None:
        """Account for one request.

        Raises:
            RepairFailed: the budget is used up.
        """
        if self._left <= 0:
            raise RepairFailed(f"{self.used} further requests did not find the missing stones")
        self._left -= 1
        self.used += 1


def between(low: int, high: int) -> int:
    """A price between two others, nearer to the lower one: prices lie thinner the higher they are."""
    return max(low + 1, min(high - 1, int(max(low, 1) ** 0.5 * high**0.5)))


def _around(cents: int) -> DollarRange:
    """The whole dollars on both sides of a price."""
    return DollarRange(cents // _CENTS, -(-cents // _CENTS))


def _halves(weights: CaratRange) -> list[int]:
    """The middle of a range of weights of which none is known."""
    low = max(0, weights.low or 0)
    high = 2 * low + 2_000 if weights.high is None else weights.high
    middle = (low + high) // 2
    return [middle] if low < middle < high else []


def _carats(milli: int) -> Decimal:
    return Decimal(0) if milli == _ANY else Decimal(milli) / 1000 + _HALF_MILLI


def _words(span: DollarRange) -> str:
    return f"${span.low}" if span.low == span.high else f"${span.low} to ${span.high}"
