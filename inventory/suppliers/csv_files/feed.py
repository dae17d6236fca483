"""Feed of price lists in CSV files; see `inventory.suppliers.enumerated.EnumeratedFeed`."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from inventory.core.errors import FeedDamaged, SupplierUnavailable
from inventory.core.logging import get_logger
from inventory.suppliers.csv_files.column_map import ColumnMap, read_column_map
from inventory.suppliers.csv_files.file_index import FileIndex, key_of
from inventory.suppliers.csv_files.folder import Folder
from inventory.suppliers.csv_files.mapping import observe_payload, observe_row
from inventory.suppliers.csv_files.precedence import item_rows, repeated_problem
from inventory.suppliers.csv_files.prepared_files import PreparedFile, PreparedFiles
from inventory.suppliers.csv_files.rows import Row, read_rows
from inventory.suppliers.csv_files.selection import (
    Candidate,
    ListedFile,
    candidates,
    delivery_digest,
    select,
    with_marker,
)
from inventory.suppliers.enumerated import Part, PartPage, Snapshot, SourceFile
from inventory.suppliers.ports import LookupResult, ObservedItem

if TYPE_CHECKING:
    from azure.core.credentials import AzureNamedKeyCredential
    from azure.core.credentials_async import AsyncTokenCredential

log = get_logger()

PAGE_SIZE = 500
LOOKUP_SIZE = 1000
_MAX_DIGESTS = 10_000
_MAX_SNAPSHOTS = 4


class Source(Protocol):
    """Place where the supplier delivers files."""

    def describe(self) -> str:
        """Describe the source for operators, without secrets."""

    async def list_files(self) -> Sequence[ListedFile]:
        """List the complete files."""

    async def fetch(self, name: str, target: Path) -> str:
        """Copy a file and return the digest of its content."""


class CsvFeedSettings(Protocol):
    """Settings of the feed. `source`: path of a folder, or address of a container with a prefix."""

    @property
    def source(self) -> str: ...
    @property
    def map(self) -> str: ...
    @property
    def settle_seconds(self) -> float: ...


class CsvFeed:
    """Price lists of a source, mapped by a column map."""

    def __init__(self, name: str, source: Source, column_map: ColumnMap, directory: Path) -> None:
        """`directory`: temporary directory of the process."""
        self._name = name
        self._source = source
        self._column_map = column_map
        self._directory = directory
        self._files = PreparedFiles(directory, column_map, source.fetch)
        self._digests: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._marks: OrderedDict[tuple[str, ...], list[bytes]] = OrderedDict()

    @property
    def page_size(self) -> int:
        """Largest number of records of a page."""
        return PAGE_SIZE

    @property
    def lookup_size(self) -> int:
        """Largest number of ids of a lookup."""
        return LOOKUP_SIZE

    async def identity(self) -> str:
        """Describe the source for operators."""
        return f"{self._source.describe()} with the column map {self._column_map.source}"

    async def available(self, consumed: Collection[str]) -> Snapshot | None:
        """Select the files of the next run; see `EnumeratedFeed.available`."""
        listed = await self._source.list_files()
        complete = with_marker({file.name for file in listed}, self._column_map.marker)
        chosen = candidates([file for file in listed if file.name in complete], self._column_map)
        described = [file for one in chosen if (file := await self._described(one)) is not None]
        return select(described, consumed, [file.kind for file in self._column_map.files])

    async def plan(self, snapshot: Snapshot, parts: int) -> Sequence[Part]:
        """Divide the files into parts; see `EnumeratedFeed.plan`."""
        files = await self._prepared(snapshot)
        for one in files:
            if one.source.full and not one.index.rows:
                raise FeedDamaged(f"{one.source.name}: the full price list has no row. Ask the supplier for it again.")
        size = max(1, -(-sum(one.index.rows for one in files) // max(1, parts)))
        return [
            Part(digest=one.source.digest, first_row=first, rows=min(size, one.index.rows - first))
            for one in files
            for first in range(0, one.index.rows, size)
        ]

    async def read(self, snapshot: Snapshot, part: Part, position: int, limit: int) -> PartPage:
        """Read records of a part; see `EnumeratedFeed.read`."""
        files = await self._prepared(snapshot)
        place = next((place for place, one in enumerate(files) if one.source.digest == part.digest), None)
        if place is None:
            raise FeedDamaged(f"The part is of a file ({part.digest}) that is not in the run's snapshot.")
        marks = (await self._item_rows(files))[place]
        count = max(0, min(limit, PAGE_SIZE, part.rows - position))
        first = part.first_row + position
        received = time.monotonic()
        items = await asyncio.to_thread(self._observe, files[place], marks, first, count)
        return PartPage(received=received, rows=count, items=items, rejected=count - len(items))

    async def lookup(self, snapshot: Snapshot, stone_ids: Collection[str]) -> LookupResult:
        """Look up stones in the files; see `EnumeratedFeed.lookup`.

        A stone is unclear if a file is damaged in part, or if its stock number is in a row that is not understood.
        """
        files = await self._prepared(snapshot)
        marks = await self._item_rows(files)
        received = time.monotonic()
        found, unclear = await asyncio.to_thread(self._find, files, marks, frozenset(stone_ids))
        return LookupResult(
            received=received,
            found=found,
            absent=frozenset(stone_ids) - unclear - {item.supplier_stone_id for item in found},
            unclear=unclear,
        )

    def observe(self, payload: bytes) -> ObservedItem:
        """Map a stored payload with the present column map."""
        return observe_payload(payload, {file.kind: file for file in self._column_map.files}, feed=self._name)

    async def _described(self, one: Candidate) -> SourceFile | None:
        """Determine the digest of a file; None for a file that changed or was removed meanwhile."""
        key = (one.listed.name, one.listed.version)
        digest = self._digests.get(key)
        if digest is None:
            target = self._directory / f"{uuid4()}.listed"
            try:
                digest = await self._source.fetch(one.listed.name, target)
            except FeedDamaged as error:
                log.info("file_not_complete", feed=self._name, file=one.listed.name, reason=error.message)
                return None
            finally:
                target.unlink(missing_ok=True)
            self._digests[key] = digest
            if len(self._digests) > _MAX_DIGESTS:
                self._digests.popitem(last=False)
        return SourceFile(
            name=one.listed.name,
            digest=delivery_digest(digest, one.listed.modified, one.kind, full=one.full),
            kind=one.kind,
            full=one.full,
            size=one.listed.size,
            modified=one.listed.modified,
        )

    async def _prepared(self, snapshot: Snapshot) -> list[PreparedFile]:
        keys = {(file.digest, file.kind) for file in snapshot.files}
        return [await self._files.get(file, keep=keys) for file in snapshot.files]

    async def _item_rows(self, files: Sequence[PreparedFile]) -> list[bytes]:
        key = tuple(f"{one.source.kind}/{one.source.digest}" for one in files)
        found = self._marks.get(key)
        if found is None:
            found = await asyncio.to_thread(item_rows, [one.index for one in files])
            self._marks[key] = found
            if len(self._marks) > _MAX_SNAPSHOTS:
                self._marks.popitem(last=False)
        return found

    def _observe(self, prepared: PreparedFile, marks: bytes, first: int, count: int) -> list[ObservedItem]:
        """Map the records from `first` that are items."""
        return [
            self._item(prepared, row, place)
            for place, row in enumerate(_rows(prepared, first, count), first)
            if marks[place]
        ]

    def _item(self, prepared: PreparedFile, row: Row, place: int) -> ObservedItem:
        repeated = prepared.index.stocks[place] in prepared.index.repeated
        problem = repeated_problem(row.line) if repeated else None
        return observe_row(row, prepared.file, feed=self._name, problem=problem)

    def _find(
        self, files: Sequence[PreparedFile], marks: Sequence[bytes], stone_ids: frozenset[str]
    ) -> tuple[list[ObservedItem], frozenset[str]]:
        keys = {key_of(stone_id): stone_id for stone_id in stone_ids}
        found: list[ObservedItem] = []
        for one, mark in zip(files, marks, strict=True):
            for place, stone in enumerate(one.index.stones):
                if mark[place] and stone in keys:
                    found += [self._item(one, row, place) for row in _rows(one, place, 1)]
        remaining = stone_ids - {item.supplier_stone_id for item in found}
        return found, frozenset(one for one in remaining if any(_may_list(file.index, one) for file in files))


def _rows(prepared: PreparedFile, first: int, count: int) -> Sequence[Row]:
    if not count:
        return ()
    index = prepared.index
    found = read_rows(prepared.path, prepared.file, index.columns, line=index.lines[first], offset=index.offsets[first])
    return [row for _, row in islice(found, count)]


def _may_list(index: FileIndex, stone_id: str) -> bool:
    return index.damaged or key_of(stone_id.rpartition("#")[0]) in index.suspects


def _temporary_directory(name: str) -> "TemporaryDirectory[str]":
    try:
        return TemporaryDirectory(prefix=f"diamonds-{name}-")
    except OSError as error:
        raise SupplierUnavailable(
            f"No temporary directory is writable ({error.strerror}). Set TMPDIR to one; price lists are prepared there."
        ) from error


@asynccontextmanager
async def open_csv_feed(
    name: str, settings: CsvFeedSettings, credential: "AsyncTokenCredential | AzureNamedKeyCredential | None" = None
) -> AsyncIterator[CsvFeed]:
    """Open a feed of files, for a `with` block. `credential`: for a container of Azure Storage.

    Raises:
        ColumnMapInvalid: the column map cannot be read, or is not valid.
        SupplierUnavailable: no temporary directory is writable.
    """
    column_map = await asyncio.to_thread(read_column_map, Path(settings.map))
    with _temporary_directory(name) as directory:
        if "://" not in settings.source:
            source = Folder(Path(settings.source), settle_seconds=settings.settle_seconds)
            yield CsvFeed(name, source, column_map, Path(directory))
            return
        # Imported late: Azure's libraries cost half a second at start, which a feed of a folder avoids.
        from inventory.suppliers.csv_files.blobs import open_blobs  # noqa: PLC0415

        async with open_blobs(settings.source, credential) as blobs:
            yield CsvFeed(name, blobs, column_map, Path(directory))
