"""Completeness of a partition: read its passes page by page and prove that every listing was read.

Let B be the listings of a query and R those that its pages have shown. On a feed at rest R is a subset of B, so |R| =
count(B) implies R = B, whatever the order of ties, repetitions and the edges of pages. Each origin (natural, lab-grown) is
a separate query, a *pass*, so the origin of a stone is what the supplier answers to a query, not only a flag of an item.

Where the figures differ the feed has moved, the pages are incomplete, or the counts are wrong. The proof (`pass_proof.py`)
depends on the number of listings that the supplier has changed since the run opened:

- Nothing has changed. The pass is repaired: missing listings are found by halving (`repair.py`). A listing that the
  supplier still counts and does not show fails the partition with `INCOMPLETE`. So do counts that contradict the pages.
- The feed moves. Listings that arrived behind the reader are among the changed ones; these are read. Listings that left
  need no explanation. A pass whose pages contradicted each other is proven part by part, because its anchors say nothing.

The number of listings that are missing on a moving feed may not exceed the changes between the last two counts. The
whole run is checked again, and the tolerance is applied there once (`run_proof.py`).
"""

from collections.abc import Sequence

import msgspec

from inventory.core.errors import FeedIncomplete
from sync.planning.additional_reads import AdditionalReads
from sync.planning.checkpoint import Checkpoint
from sync.planning.listing import Listing
from sync.planning.partition import LARGEST_OFFSET, Band
from sync.planning.partition_state import PartitionState
from sync.planning.pass_planner import PassPlanner
from sync.planning.pass_proof import PassProof
from sync.planning.reader import QueryReader
from sync.planning.requests import Steps, read_page


class PartitionProof(msgspec.Struct, frozen=True, kw_only=True):
    """A partition that was read completely. `repairs`: requests that were spent on repairing it."""

    counted: int
    listings: int
    unidentified: int
    repairs: int
    moved: bool


class PartitionReading:
    """Reads one partition. `requests` yields requests to the supplier and receives the answers.

    `checkpoint` must be stored with every page, after its answer was sent in. A successor starts from the stored
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

        `by_origin`, `by_weight`: whether the supplier can filter by origin, or by a range of weights.
        """
        self.by_origin = by_origin
        self._state = PartitionState(
            band,
            limit=limit,
            overlap=overlap,
            by_origin=by_origin,
            by_weight=by_weight,
            checkpoint=checkpoint or Checkpoint(),
        )
        # Whether the whole feed was read for listings that match no range: they are not among the known ones.
        self._whole_feed_read = False

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint after the last answer."""
        return self._state.checkpoint

    def restore(self, reading: int, listings: Sequence[Listing]) -> None:
        """Add the listings of a stored page of a pass."""
        self._state.known[reading].add(self._state.members(listings))

    def knows_origin(self, offer: int) -> bool:
        """Whether a pass of one origin has shown an offer."""
        return any(
            offer in known
            for known, reading in zip(self._state.known, self.checkpoint.passes, strict=True)
            if reading.lab_grown is not None
        )

    def requests(self) -> Steps[PartitionProof]:
        """Yield the requests up to the proof.

        Raises:
            FeedIncomplete: the partition cannot be proven, with the figures.
            FeedRestless: the feed changes faster than it can be read.
        """
        state = self._state
        if self.checkpoint.phase == "opening":
            yield from PassPlanner(state).plan()
        while self.checkpoint.current < len(self.checkpoint.passes):
            yield from self._read(self.checkpoint.current)
            state.save(current=self.checkpoint.current + 1)
        state.save(phase="proving")
        proof = PassProof(state)
        for number in range(len(self.checkpoint.passes)):
            try:
                yield from proof.prove(number)
            except FeedIncomplete:
                if not state.outside or not (yield from AdditionalReads(state).whole_feed(number)):
                    raise
                self._whole_feed_read = True
        yield from self._prove_origins()
        union = state.all_listings()
        return PartitionProof(
            counted=self.checkpoint.total,
            listings=len(union),
            unidentified=union.unidentified,
            repairs=state.requests_of_repairs,
            moved=state.moved,
        )

    def _read(self, number: int) -> Steps[None]:
        """Read the pages of a pass."""
        state = self._state
        reading = self.checkpoint.passes[number]
        if reading.end > LARGEST_OFFSET and not state.outside:
            # The supplier rejects the offsets of its last pages. The proof divides it by price and weight.
            unread = msgspec.structs.replace(reading.position, finished=True, disorder=True)
            state.save_pass(number, msgspec.structs.replace(reading, position=unread))
            return
        reader = QueryReader(planned=reading.end, limit=state.limit, overlap=state.overlap)
        part = state.query_of_pass(number)
        while not reading.position.finished:
            at = reading.position
            page = yield from read_page(part, at.next_offset, state.limit, number)
            new = state.add_page(number, at.next_offset, page)
            end = reading.end
            if page.length < state.limit and at.next_offset + page.length < end and not at.capped:
                # Perhaps the query has fewer positions now.
                counted, end = yield from state.count_of_pass(part)
                reading = msgspec.structs.replace(reading, counted=counted, end=end)
            reading = msgspec.structs.replace(reading, position=reader.read(at, page, end=end, new=new))
            state.save_pass(number, reading)

    def _prove_origins(self) -> Steps[None]:
        """Prove that the passes together are the band.

        Raises:
            FeedIncomplete: the supplier counts stones that no pass shows.
        """
        state, total = self._state, self.checkpoint.total
        unfiltered = any(reading.lab_grown is None and reading.cross is None for reading in self.checkpoint.passes)
        if self._whole_feed_read or unfiltered:
            return
        union = state.all_listings()
        if not union.missing(total):
            return
        total, _ = yield from state.count_of_pass(state.sub_query(None))
        if not union.missing(total) or (yield from state.feed_moves()):
            return
        raise FeedIncomplete(
            f"{state.description}: the supplier counts {total} stones, and its queries by origin show {len(union)}",
            details=state.figures(total, len(union)),
        )
