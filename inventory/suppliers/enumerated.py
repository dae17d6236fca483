"""Port of an enumerated feed: a supplier that delivers files whose rows can be counted before they are read.

The pipeline calls it in this order: `available` (which files a run would read), `plan` (divide them into parts with exact
numbers of rows), `read` (the rows of a part, page by page), `lookup` (are these stones in the files of the run). A file is
identified by the hash of its content, so a file that has changed under its name is another file.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from inventory.suppliers.ports import LookupResult, ObservedItem


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A complete file of the source. `digest`: hex hash of its content as delivered, its time, kind and `full`.

    `full`: whether the file lists every stone of its kind, by the naming rule of the column map. `kind`: name of the
    column map that applies. `modified`: time of the last change at the source.
    """

    name: str
    digest: str
    kind: str
    full: bool
    size: int  # bytes
    modified: datetime


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one run, oldest first. Stored as JSON with the run.

    `full`: the files list every stone of the feed, so a stone in none of them is gone. Otherwise they list changes. `reason`:
    the reason for that, a text for operators.
    """

    files: tuple[SourceFile, ...]
    full: bool
    reason: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive rows of a file. `first_row`: number of rows before the part (0 for the first; header rows do not count).

    `rows`: exact number of records, blank lines excluded. `position` in `read` counts the same records.
    """

    digest: str
    first_row: int
    rows: int


class PartPage(msgspec.Struct, frozen=True, kw_only=True):
    """The records of a part from a position. `received`: monotonic clock of this process (seconds).

    `rows`: number of records that the page covers; 0 only at the end of the part. `items`: valid and invalid stones (an
    invalid one has a `problem` that names the line). `rejected`: number of records that yield no item because another record
    of the run represents the stone: an identical repetition, or a row that a newer file of the snapshot replaces. So
    `rows == len(items) + rejected`. No stone id is in the items of two parts of a run.
    """

    received: float
    rows: int
    items: Sequence[ObservedItem]
    rejected: int = 0


@runtime_checkable
class EnumeratedFeed(Protocol):
    """A feed of files. Every method raises `SupplierError` or a subclass.

    Any process may call any method: nothing that a later call needs is kept only in memory. `SupplierUnavailable` means
    that the source does not answer, and is retried. `FeedDamaged` means that a file cannot be used; the run fails, nothing
    is removed.
    """

    @property
    def page_size(self) -> int:
        """Largest number of records of a page."""

    @property
    def lookup_size(self) -> int:
        """Largest number of ids of a lookup."""

    async def identity(self) -> str:
        """Describe the source for operators, without secrets: such as a folder or a container with a prefix."""

    async def available(self, consumed: Collection[str]) -> Snapshot | None:
        """Select the files of the next run. None if there is no file that is not `consumed` (digests).

        Incomplete files are not selected. The snapshot is full if it has a new full file: then it has the newest full file
        of every kind, also a consumed one, and the partial files after it. Empty `consumed` selects a full snapshot.
        """

    async def plan(self, snapshot: Snapshot, parts: int) -> Sequence[Part]:
        """Divide the files into at most about `parts` parts that together hold every record exactly once.

        Raises:
            FeedDamaged: a file has no usable header, no record, or changed since `available`.
        """

    async def read(self, snapshot: Snapshot, part: Part, position: int, limit: int) -> PartPage:
        """Read at most `limit` records of a part, from `position` (0 for the first record of the part).

        The same arguments always yield the same page, in any process.
        """

    async def lookup(self, snapshot: Snapshot, stone_ids: Collection[str]) -> LookupResult:
        """Look up stones (at most `lookup_size`) in the files of a snapshot.

        `absent`: in no file. `unclear`: in a file that is damaged in part, where any stone may have been lost.
        """

    def observe(self, payload: bytes) -> ObservedItem:
        """Map a stored payload again with the present column map, to rebuild the inventory. No request is sent."""
