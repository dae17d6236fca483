"""Repair of a query that showed fewer or more listings than the supplier counts.

The price range is divided until a part fits one page. One page is one moment, and it shows such a part completely in any
order: a part whose page holds as many listings as are counted is proven. Counts are compared with the known listings by
halving, to find where listings are missing. That comparison only saves requests: a wrong guess never counts as a proof.

A single price with more listings than a page holds is divided by weight. The edges lie between two thousandths of a carat,
so no stone lies on them. Listings without a weight match no range of weights, and stones of one weight cannot be divided:
their pages are requested again and again until the ids add up.
"""

from collections.abc import Sequence
from itertools import pairwise

from sync.planning.known import KnownListings
from sync.planning.listing import SubQuery
from sync.planning.range_queries import RangeQueries, RepairFailed
from sync.planning.ranges import (
    ALL_WEIGHTS,
    CENTS,
    LOWEST_WEIGHT,
    CaratRange,
    DollarRange,
    dollars_around,
    geometric_middle,
)
from sync.planning.requests import Steps

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
_MAX_HALVING = 24


class Repair:
    """Repairs one query. Its requests are bounded by `budget`."""

    def __init__(
        self, known: KnownListings, part: SubQuery, *, limit: int, budget: int, reading: int = 0, by_weight: bool = True
    ) -> None:
        """`part`: the query. `limit`: listings of a page. `reading`: number of the pass, as in `PageRequest`.

        `by_weight`: whether the supplier can filter by a range of weights.
        """
        self._known = known
        self._queries = RangeQueries(known, part, limit=limit, budget=budget, reading=reading)
        self._limit = limit
        self._by_weight = by_weight
        # Whether every part of the query has been proven.
        self.proven = False
        # Whether the feed changes: then a part may have shown listings that have left it since.
        self.moving = False

    @property
    def used(self) -> int:
        """Requests so far."""
        return self._queries.used

    @property
    def changes(self) -> int:
        """Listings that were found, have changed, or have left."""
        return self._queries.changes

    def spend(self) -> None:
        """Account for one request.

        Raises:
            RepairFailed: the budget is used up.
        """
        self._queries.spend()

    def reconcile(self, counted: int, suspect_prices: Sequence[int]) -> Steps[None]:
        """Find the listings that are missing or have left. Start with the suspect prices (cents).

        Raises:
            RepairFailed: a part cannot be proven, or the requests are used up.
        """
        yield from self._queries.learn_ends()
        for cents in suspect_prices:
            if self._known.matches(counted) and not self._known.noted_prices:
                return
            yield from self._verify(dollars_around(cents))
        for cents in self._known.noted_prices:
            yield from self._verify(dollars_around(cents))
        if not self._known.matches(counted):
            yield from self._search(self._queries.whole, counted - len(self._known))
        if not self._known.matches(counted):
            yield from self.verify_all()

    def spot_check(self) -> Steps[bool]:
        """Compare the known listings with the counts of some adjoining ranges. True if all of them agree.

        If pages contradicted each other, one matching count is not enough: it may be wrong by the same number.

        Raises:
            RepairFailed: the requests are used up.
        """
        yield from self._queries.learn_ends()
        parts = self._parts(self._queries.whole)
        step = -(-len(parts) // _SPOTS)
        for place in range(0, len(parts), step):
            span = DollarRange(parts[place].low, parts[min(place + step, len(parts)) - 1].high)
            if (yield from self._queries.differs(span)):
                return False
        return True

    def verify_prices(self, prices: Sequence[int]) -> Steps[None]:
        """Prove every listing at these prices (cents).

        Raises:
            RepairFailed: as `reconcile`.
        """
        yield from self._queries.learn_ends()
        for cents in prices:
            yield from self._verify(dollars_around(cents))

    def verify_all(self) -> Steps[None]:
        """Prove the whole query, part by part.

        Raises:
            RepairFailed: as `reconcile`.
        """
        self.proven = False
        yield from self._queries.learn_ends()
        parts = self._parts(self._queries.whole)
        for part in parts:
            yield from self._verify(part)
        # Between two parts that do not share an edge there is room for prices with cents.
        for lower, upper in pairwise(parts):
            gap = DollarRange(lower.high, upper.low)
            if self._queries.inclusive and gap.low < gap.high and (yield from self._queries.differs(gap)):
                yield from self._verify(gap)
        self.proven = True

    # Search for missing listings

    def _search(self, span: DollarRange, difference: int) -> Steps[None]:
        """Search for the difference between the count of a range and its known listings."""
        parts = self._parts(span)
        # Halving costs about two counts per level and difference; beyond that it is cheaper to count every part.
        if abs(difference) * 2 * len(parts).bit_length() >= len(parts):
            for part in parts:
                if (yield from self._queries.differs(part)):
                    yield from self._verify(part)
            return
        middle = parts[len(parts) // 2].low
        lower, upper = DollarRange(span.low, middle), DollarRange(middle, span.high)
        below = (yield from self._queries.count(lower)) - self._queries.held(lower)
        if below:
            yield from self._search(lower, below)
        if below != difference:
            above = (yield from self._queries.count(upper)) - self._queries.held(upper)
            if above:
                yield from self._search(upper, above)

    def _parts(self, span: DollarRange) -> list[DollarRange]:
        """Divide a range so that each part holds about a page of known listings. A price that fills a page is a part."""
        room = max(1, int(self._limit * _FILLED))
        parts: list[DollarRange] = []
        low, held = span.low, 0
        for cents, listings in self._known.prices(span.low * CENTS, span.high * CENTS):
            at = dollars_around(cents)
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

    # Proof of a part

    def _verify(self, span: DollarRange) -> Steps[None]:
        """Prove a range."""
        counted = yield from self._queries.count(span)
        if counted <= self._limit:
            yield from self._read_whole(span, ALL_WEIGHTS, counted, set())
        elif span.divisible:
            inner = [cents // CENTS for cents, _ in self._known.prices(span.low * CENTS, span.high * CENTS)]
            inner = [dollars for dollars in inner if span.low < dollars < span.high]
            middle = inner[len(inner) // 2] if inner else geometric_middle(span.low, span.high)
            yield from self._verify(DollarRange(span.low, middle))
            yield from self._verify(DollarRange(middle, span.high))
        else:
            weighed = yield from self._verify_weights(span, ALL_WEIGHTS, counted, depth=0)
            if self._known.number(weighed) < counted:
                yield from self._read_whole(span, ALL_WEIGHTS, counted, weighed)

    def _verify_weights(self, span: DollarRange, weights: CaratRange, counted: int, depth: int) -> Steps[set[int]]:
        """Prove the listings that have a weight, in parts. Returns their offers; none if the range is indivisible."""
        edges = self._weight_edges(span, weights, counted) if self._by_weight else []
        if not edges or depth > _MAX_HALVING:
            if depth:
                return (yield from self._read_whole(span, weights, counted, set()))
            return set()
        shown: set[int] = set()
        for low, high in zip(
            [LOWEST_WEIGHT if weights.low is None else weights.low, *edges], [*edges, weights.high], strict=True
        ):
            part = CaratRange(low, high)
            inside = yield from self._queries.count(span, part)
            if inside <= self._limit:
                shown |= yield from self._read_whole(span, part, inside, set())
            else:
                shown |= yield from self._verify_weights(span, part, inside, depth + 1)
        return shown

    def _weight_edges(self, span: DollarRange, weights: CaratRange, counted: int) -> list[int]:
        """Edges that divide a range of weights into parts of less than a page, by the known weights."""
        carats = [c for c in self._known.carats(span.low * CENTS, span.high * CENTS) if weights.holds(c)]
        if not carats:
            return weights.halved()
        if carats[0] == carats[-1]:
            edges = [carats[0] - 1, carats[0]]
            return [] if [weights.low, weights.high] == edges else [edge for edge in edges if weights.divided_by(edge)]
        parts = max(2, -(-counted // max(1, int(self._limit * _FILLED))))
        places = {carats[len(carats) * number // parts] for number in range(1, parts)}
        return sorted(place for place in places if place < carats[-1]) or [carats[0]]

    def _read_whole(self, span: DollarRange, weights: CaratRange, counted: int, shown: set[int]) -> Steps[set[int]]:
        """Read the pages of a part until they have shown as many listings as are counted. Returns their offers.

        `shown`: offers that are proven already.

        Raises:
            RepairFailed: the pages show fewer listings than the supplier counts.
        """
        proven = frozenset(shown)
        most = list[int | None]()
        idle = pages = 0
        while idle < (_IDLE_TRIES if pages == 1 else _COLLECT_TRIES):
            before = len(shown)
            now, unidentified = set(proven), list[int | None]()
            pages = offset = 0
            while offset < counted or not pages:
                page = yield from self._queries.page(span, weights, offset)
                now |= {listing.offer for listing in page.listings}
                unidentified += page.neighbour_prices()
                offset += page.length
                pages += 1
                if not page.length:
                    pages = max(1, pages - 1)
                    break
            shown |= now
            # All readings together, or this reading alone if listings have left since.
            believed = not unidentified or idle >= _UNIDENTIFIED_TRIES
            for complete in (shown, now):
                if believed and self._known.number(complete) + len(unidentified) == counted:
                    self._queries.settle(span, weights, complete, unidentified)
                    return complete
            idle = 0 if len(shown) > before else idle + 1
            most = max(most, unidentified, key=len)
            counted = yield from self._queries.count(span, weights)
        number = self._known.number(shown)
        if number <= counted <= number + len(most):
            # In random order a reading shows an item without an id twice, or not at all.
            self._queries.settle(span, weights, shown, most[: counted - number])
            return shown
        if self.moving and number >= counted:
            return shown
        raise RepairFailed(f"{span}: {counted} are counted, {len(shown)} are shown")

    def learn_unit(self) -> Steps[None]:
        """Find out whether the supplier counts offers or stones. The query is so narrow that it rarely holds a second stone.

        Raises:
            RepairFailed: the requests are used up.
        """
        doubly_offered = self._known.doubly_offered
        if self._known.counts_stones is not None or doubly_offered is None or not self._by_weight:
            return
        yield from self._queries.learn_ends()
        prices, carats = [listing.price or 0 for listing in doubly_offered], doubly_offered[0].carats or 0
        span = DollarRange(min(prices) // CENTS, -(-max(prices) // CENTS))
        weights = CaratRange(carats - 1, carats)
        for _ in range(_IDLE_TRIES):
            counted = yield from self._queries.count(span, weights)
            page = yield from self._queries.page(span, weights, 0)
            offers = len({listing.offer for listing in page.listings}) + len(page.unidentified)
            stones = len({listing.stone for listing in page.listings}) + len(page.unidentified)
            if stones < offers and counted in (stones, offers):
                self._known.counts_stones = counted == stones
                return
