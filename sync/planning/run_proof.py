"""Completeness proof of a run: compare its distinct listings with the unfiltered counts before and after reading.

Each partition has proven its band. Two kinds of stones remain: stones in no band (a supplier that excludes the ends of a
range never shows the shared edges), and stones that arrived in a band after its proof. With D distinct listings, X
unidentified items, N0 and N1 the counts before and after reading, and C the number of listings changed since the run
opened:

- N0 = N1 = D + X, and repeated counts are equal: proven.
- N1 > D + X: listings are missing. The changed listings and those at the shared edges of the bands are read. The number
  that is still missing may not exceed the growth of C during that reading. This is the only tolerance: it applies once per
  run, and is 0 at rest.
- D > N0 + C: more listings were read than the feed can have had. The counts are wrong.
- C = 0 and D outside of N1 to N0: the figures differ although nothing has changed.

Counts that are wrong at random sometimes agree with the pages by chance. So if nothing has changed, the last count is
repeated and must stay the same.
"""

from collections.abc import Generator, Sequence
from typing import NoReturn, TypeVar

import msgspec

from inventory.core.errors import FeedIncomplete
from sync.planning.listing import Answer, CountRequest, PageRequest, PageView, Request, SubQuery

T = TypeVar("T")

# Rounds of reading the changed listings and counting again.
_ROUNDS = 4
# Changed listings are read again while they are less than this share of the feed.
_CHANGED_SHARE = 0.25
_CHANGED_PAGES = 20
# Repetitions of the last count, which must all agree with it if nothing has changed.
_CONFIRMATIONS = 5
# Readings of a shared edge before its listings are accepted as complete.
_EDGE_TRIES = 3


class DistinctRequest(msgspec.Struct, frozen=True):
    """Request the figures of the run so far from the database. The answer is a `Distinct`."""


class Distinct(msgspec.Struct, frozen=True):
    """Numbers of distinct listings and distinct stones that the run has read, and of unidentified items."""

    listings: int
    stones: int
    unidentified: int

    def missing(self, count: int) -> int:
        """Return the number of listings that the supplier counts and has not shown."""
        if self.agrees(count):
            return 0
        return max(0, count - self.listings - self.unidentified)

    def agrees(self, count: int) -> bool:
        """Whether the figures agree with the supplier's count. It may count a stone with two offers once.

        An unidentified item at a shared edge is noted by both bands, so `unidentified` is an upper bound.
        """
        return self.listings <= count <= self.listings + self.unidentified or (
            count < self.listings and self.stones <= count <= self.stones + self.unidentified
        )


RunRequest = Request | DistinctRequest
Steps = Generator[RunRequest, Answer | Distinct, T]


class RunProof(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has read the whole feed. `tolerated`: listings that may be missing because they have just changed."""

    opened: int
    closed: int
    listings: int
    unidentified: int
    changed: int = 0
    tolerated: int = 0


class RunCompleteness:
    """Proves one run. `requests` yields requests and receives the answers; every page is staged before it is answered."""

    def __init__(self, *, opened: int | None, edges: Sequence[int], limit: int, by_origin: bool) -> None:
        """`opened`: the unfiltered count when the run was planned, None if it is not known. `edges`: shared edges."""
        self._opened = opened
        self._edges = edges
        self._limit = limit
        self._origins: tuple[bool | None, ...] = (False, True) if by_origin else (None,)
        self._edges_read = False

    def requests(self) -> Steps[RunProof]:
        """Yield the requests up to the proof.

        Raises:
            FeedIncomplete: the run cannot be proven, with the figures.
        """
        read = yield from _distinct()
        closed = yield from _count(SubQuery())
        opened = closed if self._opened is None else self._opened
        if opened == closed and read.agrees(closed) and (yield from self._stays(closed)) == closed:
            return self._proof(read, opened, closed)
        changed = yield from _count(SubQuery(changed="since_opening"))
        tolerated = 0
        for _ in range(_ROUNDS):
            if read.missing(closed) <= tolerated:
                break
            read, closed, tolerated = yield from self._read_more()
        if read.missing(closed) > tolerated:
            self._fail(read, closed, "these are missing")
        changed = max(changed, (yield from _count(SubQuery(changed="since_opening"))))
        if not read.agrees(opened) and min(read.listings, read.stones) > opened + changed:
            self._fail(read, opened, f"and {changed} have changed since: the counts contradict the pages")
        if not changed:
            yield from self._confirm(read, opened, closed)
        return self._proof(read, opened, closed, changed, tolerated)

    def _read_more(self) -> Steps[tuple[Distinct, int, int]]:
        """Read the changed listings, and once the edges. Returns the new figures, the new count, and the tolerance."""
        before = yield from _count(SubQuery(changed="recently"))
        closed = yield from _count(SubQuery())
        if before <= max(_CHANGED_PAGES * self._limit, _CHANGED_SHARE * closed):
            for origin in self._origins:
                part = SubQuery(changed="recently", lab_grown=origin)
                yield from self._pages(part, (yield from _count(part)))
        read = yield from _distinct()
        closed = yield from _count(SubQuery())
        after = yield from _count(SubQuery(changed="recently"))
        growth = max(0, after - before)
        if read.missing(closed) > growth and not self._edges_read:
            yield from self._read_edges()
            read = yield from _distinct()
        return read, closed, growth

    def _read_edges(self) -> Steps[None]:
        """Read the listings at the shared edges: a dollar to both sides, in case the ends of a range are excluded."""
        self._edges_read = True
        for edge in self._edges:
            for origin in self._origins:
                part = SubQuery(price_from=max(0, edge - 1), price_to=edge + 1, lab_grown=origin)
                counted = yield from _count(part)
                for _ in range(_EDGE_TRIES):
                    if (yield from self._pages(part, counted)) >= counted:
                        break

    def _pages(self, part: SubQuery, counted: int) -> Steps[int]:
        """Read the pages of a part. Returns the number of distinct listings on them."""
        shown: set[int] = set()
        for offset in range(0, counted, max(1, self._limit - 1)):
            answer = yield PageRequest(part=part, offset=offset, limit=self._limit)
            assert isinstance(answer, PageView)  # noqa: S101 - the protocol of requests
            shown |= {listing.offer for listing in answer.listings}
        return len(shown)

    def _confirm(self, read: Distinct, opened: int, closed: int) -> Steps[None]:
        """Check the last count if nothing has changed: stones may only have left, and repeated counts are equal.

        Raises:
            FeedIncomplete: the counts contradict each other.
        """
        again = yield from self._stays(closed)
        if closed > opened or again != closed:
            counts = f"{opened}, then {closed}, then {again}"
            self._fail(read, closed, f"it counted {counts}, and nothing has changed since the run opened")

    def _stays(self, closed: int) -> Steps[int]:
        """Repeat the count. Returns the first count that differs, or the same one."""
        for _ in range(_CONFIRMATIONS):
            if (again := (yield from _count(SubQuery()))) != closed:
                return again
        return closed

    def _proof(self, read: Distinct, opened: int, closed: int, changed: int = 0, tolerated: int = 0) -> RunProof:
        return RunProof(
            opened=opened,
            closed=closed,
            listings=read.listings,
            unidentified=read.unidentified,
            changed=changed,
            tolerated=tolerated,
        )

    def _fail(self, read: Distinct, counted: int, reason: str) -> NoReturn:
        raise FeedIncomplete(
            f"The supplier counts {counted} stones in the whole run, and {read.listings} were read ({reason})",
            details={
                "counted": counted,
                "read": read.listings,
                "missing": read.missing(counted),
                "unidentified": read.unidentified,
            },
        )


def _count(part: SubQuery) -> Steps[int]:
    answer = yield CountRequest(part)
    assert isinstance(answer, int)  # noqa: S101 - the protocol of requests
    return answer


def _distinct() -> Steps[Distinct]:
    answer = yield DistinctRequest()
    assert isinstance(answer, Distinct)  # noqa: S101 - the protocol of requests
    return answer
