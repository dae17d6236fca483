"""State of a partition while it is read: its checkpoint, and the listings that each pass has shown."""

from collections.abc import Sequence
from typing import NoReturn

import msgspec

from inventory.core.errors import FeedIncomplete
from sync.planning.checkpoint import Checkpoint, QueryPass
from sync.planning.known import KnownListings
from sync.planning.listing import Listing, PageView, SubQuery
from sync.planning.partition import Band
from sync.planning.repair import Repair
from sync.planning.requests import Steps, count_listings

UNPRICED_MARGIN = 100
"""Listings before the first unpriced one at which its pass starts, so that a few sold stones cost no step back."""
# Requests that repairing one partition may cost: a number, and a multiple of its pages.
_SPARE_REQUESTS = 60
_REQUESTS_PER_PAGE = 25


class PartitionState:
    """Checkpoint, known listings and repairs of a partition."""

    def __init__(
        self, band: Band, *, limit: int, overlap: int, by_origin: bool, by_weight: bool, checkpoint: Checkpoint
    ) -> None:
        """The parameters are those of `PartitionReading`."""
        self.checkpoint = checkpoint
        self.limit = limit
        self.overlap = overlap
        self.by_origin = by_origin
        self.known: list[KnownListings] = []
        # Whether the supplier has changed anything since the run opened.
        self.moved = False
        self._band = band
        self._by_weight = by_weight
        self._repairs: dict[int, Repair] = {}
        self._add_passes()
        for number, place, price in checkpoint.unidentified:
            self.known[number].note_unidentified(place, price)

    @property
    def outside(self) -> bool:
        """Whether the partition is the stones outside every price band."""
        return self._band.kind == "outside"

    @property
    def unfiltered(self) -> bool:
        """Whether the partition is the whole feed, stones without a price included."""
        return self._band.price_from is None and self._band.price_to is None

    @property
    def requests_of_repairs(self) -> int:
        """Requests that were spent on repairs."""
        return sum(repair.used for repair in self._repairs.values())

    def sub_query(self, lab_grown: bool | None, cross: tuple[int, int] | None = None) -> SubQuery:
        """The query of the partition for an origin and a range of the cross filter."""
        cross_from, cross_to = cross or (None, None)
        return SubQuery(
            price_from=self._band.price_from,
            price_to=self._band.price_to,
            cross_from=cross_from,
            cross_to=cross_to,
            lab_grown=lab_grown,
        )

    def query_of_pass(self, number: int) -> SubQuery:
        """The query of a pass."""
        reading = self.checkpoint.passes[number]
        return self.sub_query(reading.lab_grown, reading.cross)

    def count_of_pass(self, part: SubQuery) -> Steps[tuple[int, int]]:
        """Count the listings that a pass must show, and the positions of its query."""
        end = yield from count_listings(part)
        if not self.outside:
            return end, end
        priced = yield from count_listings(msgspec.structs.replace(part, price_from=0))
        return max(0, end - priced), end

    def repair_of(self, number: int) -> Repair:
        """The repair of a pass."""
        if number not in self._repairs:
            reading = self.checkpoint.passes[number]
            pages = max(reading.position.pages, reading.end // max(1, self.limit - self.overlap) + 1)
            self._repairs[number] = Repair(
                self.known[number],
                self.query_of_pass(number),
                limit=self.limit,
                budget=_SPARE_REQUESTS + _REQUESTS_PER_PAGE * pages,
                reading=number,
                by_weight=self._by_weight,
            )
        return self._repairs[number]

    def feed_moves(self) -> Steps[bool]:
        """Whether the supplier has changed anything since the run opened."""
        if not self.moved:
            self.moved = (yield from count_listings(SubQuery(changed="since_opening"))) > 0
        return self.moved

    def add_page(self, number: int, offset: int, page: PageView) -> int:
        """Add the listings of a page of a pass. Returns the number of new listings."""
        known = self.known[number]
        fresh = known.add(self.members(page.listings))
        if page.unidentified:
            noted = []
            for place, price in zip(page.unidentified, page.neighbour_prices(), strict=True):
                if self.outside and price is not None:
                    continue
                known.note_unidentified(offset + place, price)
                noted.append((number, offset + place, price))
            keys = {(pass_number, place) for pass_number, place, _ in noted}
            earlier = [entry for entry in self.checkpoint.unidentified if entry[:2] not in keys]
            self.save(unidentified=(*earlier, *noted))
        return fresh

    def members(self, listings: Sequence[Listing]) -> Sequence[Listing]:
        """The listings of a page that belong to the partition.

        The partition outside the bands also shows some priced listings: they prove where it starts. A listing without a
        price before a priced one is priced too: its price cannot be read.
        """
        if not self.outside:
            return listings
        priced = [place for place, listing in enumerate(listings) if listing.price is not None]
        return listings[priced[-1] + 1 :] if priced else listings

    def all_listings(self) -> KnownListings:
        """The listings of all passes. A pass over both origins shows the unidentified items of the others again."""
        union = KnownListings()
        union.counts_stones = any(known.counts_stones for known in self.known)
        for known in self.known:
            union.add(known)
        both = [reading.lab_grown is None for reading in self.checkpoint.passes]
        for number, known in enumerate(self.known):
            for place in range(known.unidentified if both[number] or not any(both) else 0):
                union.note_unidentified((number, place), None)
        return union

    def save(self, **changes: object) -> None:
        """Change the checkpoint."""
        self.checkpoint = msgspec.structs.replace(self.checkpoint, **changes)
        self._add_passes()

    def save_pass(self, number: int, reading: QueryPass) -> None:
        """Change a pass of the checkpoint."""
        passes = (*self.checkpoint.passes[:number], reading, *self.checkpoint.passes[number + 1 :])
        self.save(passes=passes)

    def fail(self, number: int, counted: int, reason: str = "") -> NoReturn:
        """Report that a pass cannot be proven.

        Raises:
            FeedIncomplete: always, with the figures.
        """
        known = self.known[number]
        text = (
            f"{self.description}: the supplier counts {counted} stones and shows {len(known)}, "
            f"after {self.requests_of_repairs} further requests"
        )
        raise FeedIncomplete(f"{text} ({reason})" if reason else text, details=self.figures(counted, len(known)))

    def figures(self, counted: int, read: int) -> dict[str, object]:
        """The figures of `FeedIncomplete`."""
        return {
            "counted": counted,
            "read": read,
            "missing": max(0, counted - read),
            "unidentified": sum(known.unidentified for known in self.known),
        }

    @property
    def description(self) -> str:
        """The price range, as messages name it."""
        if self.outside:
            return "Stones without a price"
        low, high = self._band.price_from, self._band.price_to
        if low is None and high is None:
            return "All prices"
        return f"${low or 0} and more" if high is None else f"${low or 0} to ${high}"

    def _add_passes(self) -> None:
        self.known += [KnownListings() for _ in range(len(self.checkpoint.passes) - len(self.known))]
