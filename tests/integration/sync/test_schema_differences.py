"""Differences of the supplier's schema: shown with each run, alerted once. A run without incremental support is full."""

from datetime import timedelta

import msgspec
import pytest

from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.core.errors import SupplierSchemaChanged
from inventory.core.settings import Settings
from inventory.suppliers.ports import Capabilities
from sync.container import Container
from sync.planning.window import Watermark
from sync.scheduler.planning import RunRequest
from sync.scheduler.scheduler import Scheduler
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.fake_feed import EVERYTHING, FakeFeed
from tests.integration.sync.conftest import Execute

MILKY = "Diamond.milky is not offered; it is not read"
BOWTIE = "Diamond.bowtie is not offered; it is not read"
END = "UPDATE run_metadata SET status = 'completed', completed_at = clock_timestamp() WHERE status = 'running'"


@pytest.fixture
def scheduler(settings: Settings, pipeline: Container) -> Scheduler:
    return Scheduler(settings, pipeline.database, pipeline.feed, pipeline.watermarks, pipeline.outbox)


def offering(*differences: str, **others: bool) -> Capabilities:
    return msgspec.structs.replace(EVERYTHING, differences=differences, **others)


async def incidents(database: Database) -> list[str]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT content FROM alerts WHERE kind = 'schema_differs' ORDER BY created_at")
    return [str(row["content"]) for row in rows]


async def test_differences_are_stored_per_run_and_alerted_once_per_set(
    scheduler: Scheduler, feed: FakeFeed, database: Database, execute: Execute
) -> None:
    feed.put(*range(5))
    for differences in ((MILKY,), (MILKY,), (BOWTIE, MILKY), (), (MILKY,)):
        feed.offers = offering(*differences)
        run, _ = await scheduler.schedule(RunRequest(full=True))
        assert run.schema_differences == differences
        await execute(END)
    reported = await incidents(database)
    assert len(reported) == 2
    assert MILKY in reported[0]
    assert "diamonds-app doctor supplier" in reported[0]
    assert BOWTIE in reported[1]


async def test_run_is_full_when_supplier_has_no_change_filter(
    scheduler: Scheduler, feed: FakeFeed, watermarks: FileWatermarkStore, execute: Execute
) -> None:
    feed.put(*range(5))
    await scheduler.schedule(RunRequest(full=True))
    await execute(END)
    await watermarks.write(Watermark(last_updated_at=utc_now() - timedelta(hours=1), last_run_id="x"), None)
    run, _ = await scheduler.schedule(RunRequest())
    assert run.run_type == "incremental"
    await execute(END)
    feed.offers = offering(windows=False)
    run, _ = await scheduler.schedule(RunRequest())
    assert run.run_type == "full"


async def test_missing_required_member_fails_run_with_reason(
    scheduler: Scheduler, feed: FakeFeed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.put(1)

    async def lacking() -> Capabilities:
        raise SupplierSchemaChanged("The supplier's schema lacks what is required: DiamondItem.price is not offered")

    monkeypatch.setattr(feed, "capabilities", lacking)
    with pytest.raises(SupplierSchemaChanged):
        await scheduler.schedule(RunRequest())
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT status, error_code, error_message FROM run_metadata")
        key = await connection.fetchval("SELECT incident FROM alerts")
    assert row is not None
    assert (row["status"], row["error_code"]) == ("failed", "SUPPLIER_SCHEMA")
    assert "DiamondItem.price" in row["error_message"]
    assert key.endswith(":SUPPLIER_SCHEMA")
