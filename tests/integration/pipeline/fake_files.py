"""In-memory feed of files that implements the port: the test delivers files of stones."""

import asyncio
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from inventory.core.errors import FeedDamaged
from inventory.suppliers.enumerated import Part, PartPage, Snapshot, SourceFile
from inventory.suppliers.nivoda.mapping import observe
from inventory.suppliers.ports import LookupResult, ObservedItem
from tests.integration.pipeline.fake_feed import payload

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class FakeFiles:
    """The port `EnumeratedFeed` over lists of payloads. A row that is None is represented by another one."""

    page_size = 20
    lookup_size = 100

    def __init__(self) -> None:
        self.files: dict[str, tuple[SourceFile, list[bytes | None]]] = {}
        self.damaged: set[str] = set()
        # Rows that `read` loses without a word.
        self.lost: set[int] = set()
        self.unclear = False
        # Set when a page is read.
        self.reached: asyncio.Event | None = None
        self.read_positions: list[int] = []

    def deliver(self, digest: str, rows: Sequence[bytes | None], *, full: bool = True) -> None:
        """Add a file with these rows."""
        file = SourceFile(name=f"{digest}.csv", digest=digest, kind="stones", full=full, size=len(rows), modified=EPOCH)
        self.files[digest] = (file, list(rows))

    async def identity(self) -> str:
        return "memory"

    async def available(self, consumed: Collection[str]) -> Snapshot | None:
        fresh = [file for file, _ in self.files.values() if file.digest not in consumed]
        if not fresh:
            return None
        full = fresh[-1].full
        return Snapshot(files=(fresh[-1],) if full else tuple(fresh), full=full, reason="a new file")

    async def plan(self, snapshot: Snapshot, parts: int) -> Sequence[Part]:
        made = []
        for file in snapshot.files:
            if file.digest in self.damaged:
                raise FeedDamaged(f"{file.name} has no header")
            rows = len(self.files[file.digest][1])
            size = -(-rows // parts)
            made += [
                Part(digest=file.digest, first_row=first, rows=min(size, rows - first))
                for first in range(0, rows, size)
            ]
        return made

    async def read(self, snapshot: Snapshot, part: Part, position: int, limit: int) -> PartPage:
        if self.reached is not None:
            self.reached.set()
        self.read_positions.append(part.first_row + position)
        rows = self.files[part.digest][1][part.first_row :][: part.rows][position : position + limit]
        first = part.first_row + position
        items = [observe(row) for number, row in enumerate(rows, first) if row is not None and number not in self.lost]
        return PartPage(
            received=time.monotonic(), rows=len(rows), items=items, rejected=sum(row is None for row in rows)
        )

    async def lookup(self, snapshot: Snapshot, stone_ids: Collection[str]) -> LookupResult:
        gone = frozenset(stone_ids)
        absent, unclear = (frozenset[str](), gone) if self.unclear else (gone, frozenset[str]())
        return LookupResult(received=time.monotonic(), found=(), absent=absent, unclear=unclear)

    def observe(self, payload: bytes) -> ObservedItem:
        return observe(payload)


def rows(*numbers: int, cents: int = 70_000) -> list[bytes | None]:
    """Valid rows of stones."""
    return [payload(number, cents) for number in numbers]
