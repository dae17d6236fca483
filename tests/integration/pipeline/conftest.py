"""A migrated database, and runs that the test drives step by step."""

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
from tests.integration.pipeline.fake_feed import FakeFeed

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
def feed() -> FakeFeed:
    return FakeFeed()


class ClaimedPartition(msgspec.Struct, frozen=True):
    """A run's partition under the test's lease."""

    run: Run
    partition: Partition
    token: UUID


class RunDriver:
    """Brings runs into a requested state through the pipeline's own steps."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        feed: FakeFeed,
        watermarks: FileWatermarkStore,
        lookups: Feed | None = None,
    ) -> None:
        self.database = database
        self.feed = feed
        self.lifecycle = Lifecycle(database, LEASE_SECONDS)
        self.consolidator = Consolidator(settings.sync, database, lookups or feed, watermarks)
        self._feed = settings.sync.feed

    async def open(self, run_type: RunType = "full", parts: int = 1, deadline_seconds: float = 3600) -> Run:
        """Create a running run."""
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
        """Claim the partition. Returns the lease token, or None if it is not available."""
        token = uuid4()
        async with self.database.connection() as connection:
            row = await connection.fetchrow(sql.claim_partition, partition.id, token, lease_seconds, "test")
        return token if row else None

    async def claimed_partition(self, run_type: RunType = "full") -> ClaimedPartition:
        """Create a run with one claimed partition."""
        run = await self.open(run_type)
        (partition,) = await self.partitions(run)
        return await self.claim_in(run, partition)

    async def claim_in(self, run: Run, partition: Partition) -> ClaimedPartition:
        """Claim a partition of a run."""
        token = await self.claim(partition)
        assert token is not None
        return ClaimedPartition(run, partition, token)

    async def stage(self, claimed_partition: ClaimedPartition, items: Sequence[ObservedItem], ago: float = 0.0) -> int:
        """Stage a page as the partition's worker would, received `ago` seconds ago."""
        async with self.database.connection() as connection:
            return await stage(
                connection,
                FeedPage(received=time.monotonic() - ago, items=items),
                feed=claimed_partition.run.feed,
                run_id=claimed_partition.run.id,
                partition_id=claimed_partition.partition.id,
                checkpoint=Checkpoint(phase="reading", total=47),
                lease_token=claimed_partition.token,
                lease_seconds=LEASE_SECONDS,
            )

    async def read(self, run_type: RunType = "full") -> Run:
        """A run that has read the whole feed and waits for consolidation."""
        claimed_partition = await self.claimed_partition(run_type)
        items = [item async for item in self._everything()]
        for start in range(0, len(items), 50):
            await self.stage(claimed_partition, items[start : start + 50])
        _, trigger = await self.lifecycle.end_partition(claimed_partition.partition, claimed_partition.token)
        assert trigger
        return await self.lifecycle.get(claimed_partition.run.id)

    async def sync(self, run_type: RunType = "full") -> Run:
        """A complete run over the feed."""
        run = await self.read(run_type)
        done = await self.consolidator.consolidate(run.id)
        assert done is not None
        return done

    async def _everything(self) -> AsyncIterator[ObservedItem]:
        for item in (await self.feed.page(StoneQuery(), 0, 10**6)).items:
            yield item

    async def value(self, statement: str, *arguments: object) -> object:
        async with self.database.connection() as connection:
            return await connection.fetchval(statement, *arguments)

    async def rows(self, statement: str, *arguments: object) -> list[tuple[object, ...]]:
        async with self.database.connection() as connection:
            return [tuple(row.values()) for row in await connection.fetch(statement, *arguments)]


@pytest.fixture
def driver(settings: Settings, database: Database, feed: FakeFeed, watermarks: FileWatermarkStore) -> RunDriver:
    return RunDriver(settings, database, feed, watermarks)
