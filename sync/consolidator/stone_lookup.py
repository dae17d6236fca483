"""Lookup of the stones that a full run did not see, one implementation for each kind of feed."""

from collections.abc import Collection
from typing import Protocol

import msgspec

from inventory.runs.models import Run
from inventory.suppliers.enumerated import EnumeratedFeed
from inventory.suppliers.ports import Feed, LookupResult
from sync.planning.file_plan import FilePlan


class StoneLookup(Protocol):
    """Looks up stones at the supplier."""

    @property
    def size(self) -> int:
        """Largest number of ids of a lookup."""

    async def find(self, run: Run, stone_ids: Collection[str], witnesses: Collection[str]) -> LookupResult:
        """Look up stones by id. `witnesses`: some stones that the run saw."""


class CountedLookup:
    """Asks the supplier."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    @property
    def size(self) -> int:
        """See `StoneLookup`."""
        return self._feed.lookup_size

    async def find(self, run: Run, stone_ids: Collection[str], witnesses: Collection[str]) -> LookupResult:
        """See `StoneLookup`."""
        del run
        return await self._feed.lookup(stone_ids, witnesses)


class FileLookup:
    """Searches the files of the run."""

    def __init__(self, feed: EnumeratedFeed) -> None:
        self._feed = feed

    @property
    def size(self) -> int:
        """See `StoneLookup`."""
        return self._feed.lookup_size

    async def find(self, run: Run, stone_ids: Collection[str], witnesses: Collection[str]) -> LookupResult:
        """See `StoneLookup`."""
        del witnesses
        return await self._feed.lookup(msgspec.convert(run.plan, FilePlan).snapshot, stone_ids)


def lookup_of(feed: Feed | EnumeratedFeed) -> StoneLookup:
    """Return the lookup of a kind of feed."""
    return FileLookup(feed) if isinstance(feed, EnumeratedFeed) else CountedLookup(feed)
