"""A migrated database, and a run with one partition that a test holds in its hands."""

import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
import pytest_asyncio

from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.runs import repository
from inventory.runs.models import Partition, Run, RunType
from inventory.suppliers.ports import Feed, FeedPage, ObservedItem, StoneQuery
from sync.consolidator.consolidator import Consolidator
from sync.planning.checkpoint import Checkpoint
from sync.runs.lifecycle import Lifecycle, Opening, PlannedPartition
from sync.runs.statements import sql
from sync.watermark.file import FileWatermarkStore
from sync.worker.staging import stage
from tests.integration.pipeline.shelf import Shelf

LEASE_SECONDS = 30.0


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings.read(database_url=database_url, watermark_directory=str(tmp_path), sync_consolidation_batch=100)


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with Database.open(settings.database) as database:
        yield database


@pytest.fixture
def watermarks(settings: Settings) -> FileWatermarkStore:
    return FileWatermarkStore(Path(settings.watermark.need("directory")), settings.sync.feed)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


class Hand(msgspec.Struct, frozen=True):
    """A run's partition under a lease that the test holds."""

    run: Run
    partition: Partition
    token: UUID


class Bench:
    """Runs in the state that a test asks for, reached the way the pipeline reaches it."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        shelf: Shelf,
        watermarks: FileWatermarkStore,
        feed: Feed | None = None,
    ) -> None:
        self.database = database
        self.shelf = shelf
        self.lifecycle = Lifecycle(database, LEASE_SECONDS)
        self.consolidator = Consolidator(settings.sync, database, feed or shelf, watermarks)
        self._feed = settings.sync.feed

    async def open(self, run_type: RunType = "full", parts: int = 1, deadline_seconds: float = 3600) -> Run:
        """A running run."""
        now = utc_now()
        run_id, token = await self.lifecycle.open(
            Opening(
                feed=self._feed,
                run_type=run_type,
                window_from=None if run_type == "full" else now - timedelta(hours=1),
                window_to=now,
                moves_watermark=True,
                started_by="test",
                trace_id=uuid4().hex,
                deadline_seconds=deadline_seconds,
            )
        )
        planned = [
            PlannedPartition(kind="band", price_from=None, price_to=None, first_offset=0, planned_stones=10)
            for _ in range(parts)
        ]
        await self.lifecycle.activate(run_id, token, {}, 3, planned)
        return await self.lifecycle.get(run_id)

    async def partitions(self, run: Run) -> list[Partition]:
        async with self.database.connection() as connection:
            return await repository.partitions(connection, run.id)

    async def claim(self, partition: Partition, lease_seconds: float = LEASE_SECONDS) -> UUID | None:
        """The token under which the partition is ours, None if it can't be had."""
        token = uuid4()
        async with self.database.connection() as connection:
            row = await connection.fetchrow(sql.claim_partition, partition.id, token, lease_seconds, "test")
        return token if row else None

    async def hand(self, run_type: RunType = "full") -> Hand:
        """A run with one claimed partition."""
        run = await self.open(run_type)
        (partition,) = await self.partitions(run)
        return await self.take(run, partition)

    async def take(self, run: Run, partition: Partition) -> Hand:
        """A partition of a run, claimed."""
        token = await self.claim(partition)
        assert token is not None
        return Hand(run, partition, token)

    async def stage(self, hand: Hand, items: Sequence[ObservedItem], ago: float = 0.0) -> int:
        """Stage a page as the partition's worker would that received it `ago` seconds ago."""
        async with self.database.connection() as connection:
            return await stage(
                connection,
                FeedPage(received=time.monotonic() - ago, items=items),
                feed=hand.run.feed,
                run_id=hand.run.id,
                partition_id=hand.partition.id,
                checkpoint=Checkpoint(phase="reading", total=47),
                lease_token=hand.token,
                lease_seconds=LEASE_SECONDS,
            )

    async def read(self, run_type: RunType = "full") -> Run:
        """A run that has read the whole shelf and waits for consolidation."""
        hand = await self.hand(run_type)
        items = [item async for item in self._everything()]
        for start in range(0, len(items), 50):
            await self.stage(hand, items[start : start + 50])
        _, trigger = await self.lifecycle.end_partition(hand.partition, hand.token)
        assert trigger
        return await self.lifecycle.get(hand.run.id)

    async def sync(self, run_type: RunType = "full") -> Run:
        """A whole run over the shelf."""
        run = await self.read(run_type)
        done = await self.consolidator.consolidate(run.id)
        assert done is not None
        return done

    async def _everything(self) -> AsyncIterator[ObservedItem]:
        for item in (await self.shelf.page(StoneQuery(), 0, 10**6)).items:
            yield item

    async def value(self, statement: str, *arguments: object) -> object:
        async with self.database.connection() as connection:
            return await connection.fetchval(statement, *arguments)

    async def rows(self, statement: str, *arguments: object) -> list[tuple[object, ...]]:
        async with self.database.connection() as connection:
            return [tuple(row.values()) for row in await connection.fetch(statement, *arguments)]


@pytest.fixture
def bench(settings: Settings, database: Database, shelf: Shelf, watermarks: FileWatermarkStore) -> Bench:
    return Bench(settings, database, shelf, watermarks)
