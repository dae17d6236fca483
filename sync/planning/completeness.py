"""Reading a partition and proving that it was read completely.

Let B be the listings of a query and R those that its pages have shown. On a feed at rest R is a subset of B, so |R| =
count(B) implies R = B, whatever the order of ties, repetitions and the edges of pages. Each origin (natural, lab-grown) is
a separate query, a *pass*, so the origin of a stone is what the supplier answers to a query, not only a flag of an item.

Where the figures differ the feed has moved, the pages are incomplete, or the counts are wrong. The proof decides by what
the supplier says has changed since the run opened:

- Nothing has changed. The pass is repaired: missing listings are found by halving, and what the supplier still counts and
  does not show fails the partition with `INCOMPLETE`. So do counts that contradict the pages.
- The feed moves. Listings that arrived behind the reader are among the changed ones; these are read. Listings that left
  need no explanation. A pass whose pages contradicted each other is proven part by part, because its anchors say nothing.

What remains missing on a moving feed may not exceed the changes that the supplier counted between the last two counts. The
whole run is checked once more, and the tolerance is applied there once (`run_proof.py`).
"""

from collections.abc import Sequence
from typing import Literal, NoReturn

import msgspec

from inventory.core.errors import FeedIncomplete
from sync.planning.known import KnownListings
from sync.planning.listing import Answer, CountRequest, Listing, PageRequest, PageView, Request, SubQuery
from sync.planning.partition import LARGEST_OFFSET, Band
from sync.planning.reader import QueryReader, ReadPosition
from sync.planning.repair import LARGEST_DOLLARS, Repair, RepairFailed, Steps, between

Phase = Literal["opening", "reading", "proving"]

# How far before the first unpriced listing its pass starts, so that a few sold stones cost no step back.
_OUTSIDE_MARGIN = 100
# Rounds of counting, reading what changed, and repairing.
_ROUNDS = 4
# Requests that repairing one partition may cost: a number, and a multiple of its pages.
_SPARE_REQUESTS = 60
_REQUESTS_PER_PAGE = 25
# Readings of the unpriced listings without a new one before they are given up.
_COLLECT_TRIES = 12
# Readings of the whole feed for listings that match no range.
_READINGS_OF_EVERYTHING = 3
# Slices of the unpriced listings of a large feed.
_MOST_SLICES = 200
# Changed listings are read while they are fewer than this share of a pass, or than some pages.
_CHANGED_SHARE = 0.5
_CHANGED_PAGES = 20


class QueryPass(msgspec.Struct, frozen=True, kw_only=True):
    """One query of a partition. `lab_grown`: its origin, None for both. `counted`: listings that it must show.

    `end`: positions of the query; more than `counted` where reading starts in the middle of it. `cross`: its range of the
    cross filter (`SubQuery.cross_from`), None for all.
    """

    lab_grown: bool | None
    cross: tuple[int, int] | None = None
    counted: int
    end: int
    position: ReadPosition


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """How far a partition has been read. Stored with the listings of each page, in one transaction.

    `unidentified`: (pass, position, price of a neighbour) of each item that could not be identified.
    """

    phase: Phase = "opening"
    total: int = 0
    passes: tuple[QueryPass, ...] = ()
    current: int = 0
    unidentified: tuple[tuple[int, int, int | None], ...] = ()


class PartitionProof(msgspec.Struct, frozen=True, kw_only=True):
    """A partition that was read completely. `repairs`: requests that were spent on repairing it."""

    counted: int
    listings: int
    unidentified: int
    repairs: int
    moved: bool


class PartitionReading:
    """Reads one partition. `requests` yields what to ask the supplier and takes the answers.

    `checkpoint` is to be stored with every page, after its answer was sent in. A successor starts from the stored
    checkpoint and the listings of the stored pages (`restore`).
    """

    def __init__(
        self,
        band: Band,
        *,
        limit: int,
        overlap: int = 1,
        by_origin: bool = True,
        by_weight: bool = True,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """`limit`, `overlap`: as of `QueryReader`.

        `by_origin`, `by_weight`: whether the supplier can be asked for one origin, or a range of weights.
        """
        self.checkpoint = checkpoint or Checkpoint()
        self._band = band
        self._limit = limit
        self._overlap = overlap
        self.by_origin = by_origin
        self._by_weight = by_weight
        self._known: list[KnownListings] = []
        self._repairs: dict[int, Repair] = {}
        self._moved = False
        # Whether the whole feed was read for listings that match no range: they are not among the known ones.
        self._everything = False
        self._grow()
        for number, place, price in self.checkpoint.unidentified:
            self._known[number].note_unidentified(place, price)

    def restore(self, reading: int, listings: Sequence[Listing]) -> None:
        """Take in the listings of a stored page of a pass."""
        self._known[reading].add(self._wanted(listings))

    def knows_origin(self, offer: int) -> bool:
        """Whether a pass of one origin has shown an offer."""
        return any(
            offer in known
            for known, reading in zip(self._known, self.checkpoint.passes, strict=True)
            if reading.lab_grown is not None
        )

    def requests(self) -> Steps[PartitionProof]:
        """What to ask, up to the proof.

        Raises:
            FeedIncomplete: the partition cannot be proven, with the figures.
            FeedRestless: the feed changes faster than it can be read.
        """
        if self.checkpoint.phase == "opening":
            yield from self._open()
        while self.checkpoint.current < len(self.checkpoint.passes):
            yield from self._read(self.checkpoint.current)
            self._save(current=self.checkpoint.current + 1)
        self._save(phase="proving")
        for number in range(len(self.checkpoint.passes)):
            try:
                yield from self._prove(number)
            except FeedIncomplete:
                if not self._outside or not (yield from self._read_everything(number)):
                    raise
        yield from self._prove_origins()
        return PartitionProof(
            counted=self.checkpoint.total,
            listings=len(self._union()),
            unidentified=self._union().unidentified,
            repairs=sum(repair.used for repair in self._repairs.values()),
            moved=self._moved,
        )

    # Opening: what each pass must show

    def _open(self) -> Steps[None]:
        whole = yield from self._opened(None)
        if not self.by_origin:
            self._save(phase="reading", total=whole.counted, passes=tuple((yield from self._slices(whole))))
            self._grow()
            return
        natural, grown = (yield from self._opened(False)), (yield from self._opened(True))
        if natural.counted + grown.counted != whole.counted:
            # Perhaps the feed has moved between the counts.
            whole = yield from self._opened(None)
            natural, grown = (yield from self._opened(False)), (yield from self._opened(True))
        passes = [one for one in (natural, grown) if one.counted]
        if natural.counted + grown.counted < whole.counted:
            # Stones of neither origin are found by reading the band without a filter.
            passes.append(whole)
        slices: list[QueryPass] = []
        for one in passes:
            slices += yield from self._slices(one)
        self._save(phase="reading", total=whole.counted, passes=tuple(slices))
        self._grow()

    def _opened(self, lab_grown: bool | None, cross: tuple[int, int] | None = None) -> Steps[QueryPass]:
        counted, end = yield from self._counts(self._part(lab_grown, cross))
        start = max(0, end - counted - _OUTSIDE_MARGIN) if self._outside else 0
        return QueryPass(
            lab_grown=lab_grown, cross=cross, counted=counted, end=end, position=ReadPosition(next_offset=start)
        )

    def _slices(self, one: QueryPass) -> Steps[list[QueryPass]]:
        """Divide a pass over unpriced listings whose last positions cannot be asked for, by the cross filter.

        Listings in no slice are missing from the total of the partition, which fails its proof.

        Raises:
            FeedIncomplete: one value of the cross filter holds too many listings.
        """
        if not self._outside or one.end <= LARGEST_OFFSET:
            return [one]
        found: list[QueryPass] = []
        unseen = [(0, LARGEST_DOLLARS)]
        while unseen:
            low, high = unseen.pop()
            sliced = yield from self._opened(one.lab_grown, (low, high))
            if not sliced.counted:
                continue
            if sliced.end <= LARGEST_OFFSET:
                found.append(sliced)
            elif high - low > 1 and len(found) + len(unseen) < _MOST_SLICES:
                middle = between(low, high)
                unseen += [(middle, high), (low, middle)]
            else:
                raise FeedIncomplete(
                    f"{self._words()}: {sliced.end} stones cannot be divided, and the supplier accepts no offset above "
                    f"{LARGEST_OFFSET}",
                    details={"counted": one.counted, "read": 0, "missing": one.counted},
                )
        return found

    def _counts(self, part: SubQuery) -> Steps[tuple[int, int]]:
        """How many listings a pass must show, and how many positions its query has."""
        end = yield from _count(part)
        if not self._outside:
            return end, end
        priced = yield from _count(msgspec.structs.replace(part, price_from=0))
        return max(0, end - priced), end

    @property
    def _outside(self) -> bool:
        return self._band.kind == "outside"

    @property
    def _unfiltered(self) -> bool:
        """Whether the partition is the whole feed, stones without a price included."""
        return self._band.price_from is None and self._band.price_to is None

    def _part_of(self, number: int) -> SubQuery:
        reading = self.checkpoint.passes[number]
        return self._part(reading.lab_grown, reading.cross)

    def _part(self, lab_grown: bool | None, cross: tuple[int, int] | None = None) -> SubQuery:
        cross_from, cross_to = cross or (None, None)
        return SubQuery(
            price_from=self._band.price_from,
            price_to=self._band.price_to,
            cross_from=cross_from,
            cross_to=cross_to,
            lab_grown=lab_grown,
        )

    # Reading: page after page

    def _read(self, number: int) -> Steps[None]:
        reading = self.checkpoint.passes[number]
        if reading.end > LARGEST_OFFSET and not self._outside:
            # Its last pages cannot be asked for. The proof divides it by price and weight.
            unread = msgspec.structs.replace(reading.position, finished=True, disorder=True)
            self._save_pass(number, msgspec.structs.replace(reading, position=unread))
            return
        reader = QueryReader(planned=reading.end, limit=self._limit, overlap=self._overlap)
        part = self._part_of(number)
        while not reading.position.finished:
            at = reading.position
            page = yield from _page(part, at.next_offset, self._limit, number)
            new = self._take(number, at.next_offset, page)
            end = reading.end
            if page.length < self._limit and at.next_offset + page.length < end and not at.capped:
                # Perhaps the query has fewer positions by now.
                counted, end = yield from self._counts(part)
                reading = msgspec.structs.replace(reading, counted=counted, end=end)
            reading = msgspec.structs.replace(reading, position=reader.read(at, page, end=end, new=new))
            self._save_pass(number, reading)

    def _take(self, number: int, offset: int, page: PageView) -> int:
        known = self._known[number]
        fresh = known.add(self._wanted(page.listings))
        if page.unidentified:
            noted = []
            for place, price in zip(page.unidentified, page.neighbour_prices(), strict=True):
                if self._outside and price is not None:
                    continue
                known.note_unidentified(offset + place, price)
                noted.append((number, offset + place, price))
            earlier = [one for one in self.checkpoint.unidentified if one[:2] not in {(n, p) for n, p, _ in noted}]
            self._save(unidentified=(*earlier, *noted))
        return fresh

    def _wanted(self, listings: Sequence[Listing]) -> Sequence[Listing]:
        """The partition outside the bands also shows some priced listings: they prove where it starts.

        A listing without a price before a priced one is priced too: its price cannot be read.
        """
        if not self._outside:
            return listings
        priced = [place for place, listing in enumerate(listings) if listing.price is not None]
        return listings[priced[-1] + 1 :] if priced else listings

    # Proving

    def _prove(self, number: int) -> Steps[None]:
        """Prove one pass.

        Raises:
            FeedIncomplete: it cannot be proven.
        """
        reading, known = self.checkpoint.passes[number], self._known[number]
        at = reading.position
        verified = not at.disorder and not at.suspects
        if known.twice and not self._outside:
            yield from self._repair_of(number).learn_unit()
        if known.matches(reading.counted) and verified:
            return
        part = self._part_of(number)
        last = reading.counted
        for _ in range(_ROUNDS):
            counted, _end = yield from self._counts(part)
            if not (yield from self._moves()):
                if (yield from self._prove_at_rest(number, last, counted)):
                    return
            elif not verified:
                yield from self._verify(number, at)
                verified = True
            elif not known.missing(counted):
                return
            else:
                still_missing, tolerated = yield from self._read_changed(number)
                if still_missing <= tolerated:
                    return
                yield from self._repair(number, counted, ())
            last = counted
        self._fail(number, last)

    def _prove_at_rest(self, number: int, last: int, counted: int) -> Steps[bool]:
        """One round for a feed of which nothing is known to have changed. `last`: the count before. True if proven.

        Raises:
            FeedIncomplete: the counts contradict each other, or nothing more can be found.
        """
        reading, known = self.checkpoint.passes[number], self._known[number]
        if known.matches(counted) and counted == last:
            return (yield from self._agrees_in_parts(number, counted))
        if (yield from self._read_recent(number)):
            self._moved = True
            return False
        if counted > last:
            self._fail(number, counted, f"it counted {last} before, and nothing has changed")
        if counted < last:
            # Stones can leave without a trace in what has changed. A count that is wrong does not stay the same.
            again, _ = yield from self._counts(self._part_of(number))
            if again > counted:
                self._fail(number, again, f"it counted {counted} before, and nothing has changed")
            counted = again
        if known.matches(counted):
            return (yield from self._agrees_in_parts(number, counted))
        found = yield from self._repair(number, counted, reading.position.suspects)
        if not known.matches(counted) and not found:
            self._fail(number, counted)
        return known.matches(counted)

    def _agrees_in_parts(self, number: int, counted: int) -> Steps[bool]:
        """Look closer at a pass whose pages contradicted each other, although the count agrees. True if it is proven.

        The counts of parts are compared with the prices that are known. Where they differ, perhaps because a price cannot
        be read, every part is proven by its page.

        Raises:
            FeedIncomplete: a part cannot be proven.
        """
        at, repair = self.checkpoint.passes[number].position, self._repair_of(number)
        if self._outside or not (at.disorder or at.suspects) or repair.proven:
            return True
        before = repair.changes
        try:
            if self._known[number].unidentified and not at.disorder:
                yield from repair.verify_prices(at.suspects)
                return repair.changes == before
            # An item without an id that was shown twice hides a listing that was not shown, also from a count.
            if not self._known[number].unidentified and (yield from repair.spot_check()):
                return True
            yield from repair.verify_all()
        except RepairFailed as failure:
            self._fail(number, counted, str(failure))
        return repair.changes == before

    def _moves(self) -> Steps[bool]:
        """Whether the supplier has changed anything since the run opened."""
        if not self._moved:
            self._moved = (yield from _count(SubQuery(changed="since_opening"))) > 0
        return self._moved

    def _repair(self, number: int, counted: int, suspects: Sequence[int]) -> Steps[bool]:
        """Look for the difference; True if anything was found.

        Raises:
            FeedIncomplete: a part of the pass cannot be proven.
        """
        known, repair = self._known[number], self._repair_of(number)
        before, news = repair.changes, False
        repair.moving = self._moved
        try:
            priced = counted - known.unpriced
            if self._outside or self._unfiltered:
                priced = yield from _count(msgspec.structs.replace(self._part_of(number), price_from=0))
            if not self._outside:
                yield from repair.reconcile(priced + known.unpriced, suspects)
            if self._outside or (self._unfiltered and counted - priced != known.unpriced):
                news = yield from self._read_unpriced(number)
        except RepairFailed as failure:
            self._fail(number, counted, str(failure))
        if repair.proven:
            known.trim_unidentified(counted)
        return news or repair.changes > before

    def _verify(self, number: int, at: ReadPosition) -> Steps[None]:
        """Prove the parts of which the anchors say nothing: all of them, or single prices.

        Raises:
            FeedIncomplete: a part of the pass cannot be proven.
        """
        repair = self._repair_of(number)
        repair.moving = self._moved
        try:
            if at.disorder and not self._outside:
                yield from repair.verify_all()
            elif not self._outside:
                yield from repair.verify_prices(at.suspects)
            if at.disorder and (self._outside or self._unfiltered):
                yield from self._read_unpriced(number)
        except RepairFailed as failure:
            self._fail(number, self.checkpoint.passes[number].counted, str(failure))

    def _repair_of(self, number: int) -> Repair:
        if number not in self._repairs:
            reading = self.checkpoint.passes[number]
            pages = max(reading.position.pages, reading.end // max(1, self._limit - self._overlap) + 1)
            self._repairs[number] = Repair(
                self._known[number],
                self._part_of(number),
                limit=self._limit,
                budget=_SPARE_REQUESTS + _REQUESTS_PER_PAGE * pages,
                reading=number,
                by_weight=self._by_weight,
            )
        return self._repairs[number]

    def _read_unpriced(self, number: int) -> Steps[bool]:
        """Read the unpriced listings until they add up: they cannot be divided by price. True if any is news."""
        part, known, repair = self._part_of(number), self._known[number], self._repair_of(number)
        shown: set[int] = set()
        news, idle = 0, 0
        while idle < _COLLECT_TRIES:
            before, unidentified = len(shown), 0
            priced = yield from _count(msgspec.structs.replace(part, price_from=0))
            end = yield from _count(part)
            repair.spend()
            for offset in range(max(0, priced - _OUTSIDE_MARGIN), end, self._limit):
                repair.spend()
                page = yield from _page(part, offset, self._limit, number)
                unpriced = self._wanted(page.listings) if self._outside else _unpriced(page.listings)
                news += known.changes(unpriced)
                known.add(unpriced)
                shown |= {listing.offer for listing in unpriced}
                unidentified += len(page.unidentified) if not page.listings or unpriced else 0
            if len(shown) + unidentified >= end - priced:
                return news + known.settle_unpriced(shown, unidentified) > 0
            idle = 0 if len(shown) > before else idle + 1
        return news > 0

    def _read_everything(self, number: int) -> Steps[bool]:
        """Read the unfiltered pages until they show as many listings as are counted; False if they do not.

        A listing that matches no range may still show a price. Then it stands anywhere in the feed.
        """
        part = self._part_of(number)
        shown: set[int] = set()
        for _ in range(_READINGS_OF_EVERYTHING):
            end, unidentified = (yield from _count(part)), 0
            if end > LARGEST_OFFSET:
                return False
            for offset in range(0, end, max(1, self._limit - 1)):
                page = yield from _page(part, offset, self._limit, number)
                shown |= {listing.offer for listing in page.listings}
                unidentified += len(page.unidentified)
            if len(shown) + unidentified >= end:
                self._everything = True
                return True
        return False

    def _read_changed(self, number: int) -> Steps[tuple[int, int]]:
        """Read what the supplier has changed in this pass; answers what is still missing, and how much may be.

        What may be missing is what was changed between the two counts of changed listings.
        """
        known, part = self._known[number], self._part_of(number)
        changed = msgspec.structs.replace(part, changed="recently")
        before = yield from _count(changed)
        yield from self._read_all(number, changed, before)
        counted, _ = yield from self._counts(part)
        after = yield from _count(changed)
        return known.missing(counted), max(0, after - before)

    def _read_recent(self, number: int) -> Steps[bool]:
        """Read what changed shortly before the run opened; True if that is news: then the supplier's clock is behind."""
        part = msgspec.structs.replace(self._part_of(number), changed="recently")
        counted = yield from _count(part)
        return (yield from self._read_all(number, part, counted)) > 0

    def _read_all(self, number: int, part: SubQuery, counted: int) -> Steps[int]:
        """Read the pages of a small part; answers how many listings were news."""
        known, news = self._known[number], 0
        if counted > max(_CHANGED_PAGES * self._limit, _CHANGED_SHARE * self.checkpoint.passes[number].counted):
            return 0
        for offset in range(0, counted, max(1, self._limit - 1)):
            page = yield from _page(part, offset, self._limit, number)
            listings = self._wanted(page.listings)
            news += known.changes(listings)
            known.add(listings)
        return news

    def _prove_origins(self) -> Steps[None]:
        """Prove that the passes together are the band.

        Raises:
            FeedIncomplete: they are not.
        """
        total = self.checkpoint.total
        whole = any(reading.lab_grown is None and reading.cross is None for reading in self.checkpoint.passes)
        if self._everything or whole:
            return
        union = self._union()
        if not union.missing(total):
            return
        total, _ = yield from self._counts(self._part(None))
        if not union.missing(total) or (yield from self._moves()):
            return
        raise FeedIncomplete(
            f"{self._words()}: the supplier counts {total} stones, and its queries by origin show {len(union)}",
            details=self._figures(total, len(union)),
        )

    # What is known

    def _union(self) -> KnownListings:
        """The listings of all passes. A pass over both origins shows the unidentified items of the others again."""
        union = KnownListings()
        union.counts_stones = any(known.counts_stones for known in self._known)
        for known in self._known:
            union.add(known)
        both = [r.lab_grown is None for r in self.checkpoint.passes]
        for number, known in enumerate(self._known):
            for place in range(known.unidentified if both[number] or not any(both) else 0):
                union.note_unidentified((number, place), None)
        return union

    def _grow(self) -> None:
        self._known += [KnownListings() for _ in range(len(self.checkpoint.passes) - len(self._known))]

    def _save(self, **changes: object) -> None:
        self.checkpoint = msgspec.structs.replace(self.checkpoint, **changes)

    def _save_pass(self, number: int, reading: QueryPass) -> None:
        passes = (*self.checkpoint.passes[:number], reading, *self.checkpoint.passes[number + 1 :])
        self._save(passes=passes)

    def _fail(self, number: int, counted: int, reason: str = "") -> NoReturn:
        known = self._known[number]
        spent = sum(repair.used for repair in self._repairs.values())
        words = f"{self._words()}: the supplier counts {counted} stones and shows {len(known)}, after {spent} further requests"
        raise FeedIncomplete(f"{words} ({reason})" if reason else words, details=self._figures(counted, len(known)))

    def _figures(self, counted: int, read: int) -> dict[str, object]:
        return {
            "counted": counted,
            "read": read,
            "missing": max(0, counted - read),
            "unidentified": sum(known.unidentified for known in self._known),
        }

    def _words(self) -> str:
        if self._outside:
            return "Stones without a price"
        low, high = self._band.price_from, self._band.price_to
        if low is None and high is None:
            return "All prices"
        return f"${low or 0} and more" if high is None else f"${low or 0} to ${high}"


def _unpriced(listings: Sequence[Listing]) -> list[Listing]:
    return [listing for listing in listings if listing.price is None]


def _count(part: SubQuery) -> Steps[int]:
    answer: Answer = yield CountRequest(part)
    assert isinstance(answer, int)  # noqa: S101 - the protocol of requests
    return answer


def _page(part: SubQuery, offset: int, limit: int, reading: int) -> Steps[PageView]:
    request: Request = PageRequest(part=part, offset=offset, limit=limit, reading=reading)
    answer = yield request
    assert isinstance(answer, PageView)  # noqa: S101 - the protocol of requests
    return answer
