"""Differences of the supplier's schema: shown with each run, reported once, and a run that can't be incremental is full."""

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
from sync.scheduler.scheduler import RunRequest, Scheduler
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.shelf import EVERYTHING, Shelf
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


async def test_differences_are_stored_with_each_run_and_reported_once_for_each_set(
    scheduler: Scheduler, shelf: Shelf, database: Database, execute: Execute
) -> None:
    shelf.lay(*range(5))
    for differences in ((MILKY,), (MILKY,), (BOWTIE, MILKY), (), (MILKY,)):
        shelf.offers = offering(*differences)
        run, _ = await scheduler.schedule(RunRequest(full=True))
        assert run.schema_differences == differences
        await execute(END)
    reported = await incidents(database)
    assert len(reported) == 2
    assert MILKY in reported[0]
    assert "diamonds-app doctor supplier" in reported[0]
    assert BOWTIE in reported[1]


async def test_a_run_is_full_where_the_supplier_can_not_be_asked_for_changes(
    scheduler: Scheduler, shelf: Shelf, watermarks: FileWatermarkStore, execute: Execute
) -> None:
    shelf.lay(*range(5))
    await scheduler.schedule(RunRequest(full=True))
    await execute(END)
    await watermarks.write(Watermark(last_updated_at=utc_now() - timedelta(hours=1), last_run_id="x"), None)
    run, _ = await scheduler.schedule(RunRequest())
    assert run.run_type == "incremental"
    await execute(END)
    shelf.offers = offering(windows=False)
    run, _ = await scheduler.schedule(RunRequest())
    assert run.run_type == "full"


async def test_a_schema_that_lacks_what_is_required_fails_the_run_with_the_reason(
    scheduler: Scheduler, shelf: Shelf, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.lay(1)

    async def lacking() -> Capabilities:
        raise SupplierSchemaChanged("The supplier's schema lacks what is required: DiamondItem.price is not offered")

    monkeypatch.setattr(shelf, "capabilities", lacking)
    with pytest.raises(SupplierSchemaChanged):
        await scheduler.schedule(RunRequest())
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT status, error_code, error_message FROM run_metadata")
        key = await connection.fetchval("SELECT incident FROM alerts")
    assert row is not None
    assert (row["status"], row["error_code"]) == ("failed", "SUPPLIER_SCHEMA")
    assert "DiamondItem.price" in row["error_message"]
    assert key.endswith(":SUPPLIER_SCHEMA")
