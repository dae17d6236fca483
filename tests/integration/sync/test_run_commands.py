"""Commands that show runs: complete ids at 80 columns, prefixes, findings of safety checks, live view."""

import asyncio
import csv
import json
from uuid import UUID

import pytest

from inventory.core.database import Database
from inventory.core.errors import MassDeleteStopped, QuarantineExceeded, SupplierTimeout
from inventory.core.settings import Settings
from inventory.runs.models import Run
from sandbox.broker import Broker as Bus
from sync.messaging.outbox import Outbox
from sync.messaging.servicebus import ServiceBusBroker
from sync.operations.reconcile import Reconciler
from sync.runs.lifecycle import Lifecycle
from sync.scheduler.planning import RunRequest
from sync.scheduler.scheduler import Scheduler
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed, stone_id
from tests.integration.sync.cli import Cli
from tests.integration.sync.conftest import Execute, OpenRun


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.with_values(sync_min_partition_stones=10)


async def failed_run(open_run: OpenRun, lifecycle: Lifecycle, reason: str = "The supplier does not answer") -> Run:
    run = await open_run(2)
    await lifecycle.fail(run.id, SupplierTimeout(reason))
    return await lifecycle.get(run.id)


async def test_list_at_80_columns_has_complete_ids_and_reasons(
    cli: Cli, open_run: OpenRun, lifecycle: Lifecycle
) -> None:
    reason = " ".join(f"reason{number}" for number in range(60))
    run = await failed_run(open_run, lifecycle, reason)
    for command in (("runs", "list"), ("runs", "show", "latest")):
        page = (await cli(*command)).stdout
        assert str(run.id) in page
        assert f"SUPPLIER_TIMEOUT: {reason}" in page
        assert "…" not in page


async def test_run_is_selected_by_id_prefix_or_latest(
    cli: Cli, open_run: OpenRun, lifecycle: Lifecycle, execute: Execute
) -> None:
    assert "There is no run yet" in str((await cli("runs", "show", "latest")).exception)
    older = await failed_run(open_run, lifecycle)
    newer = await failed_run(open_run, lifecycle)
    beginnings = [UUID(int=0xAAAA0000 << 96), UUID(int=0xAAAB0000 << 96)]
    for run, new_id in zip((older, newer), beginnings, strict=True):
        await execute("ALTER TABLE worker_runs DROP CONSTRAINT IF EXISTS worker_runs_run_id_fkey")
        await execute("UPDATE run_metadata SET id = $2 WHERE id = $1", run.id, new_id)
    for text, found in (("latest", 1), ("aaaa", 0), ("AAAB0000-", 1), (str(beginnings[0]), 0)):
        assert (await cli.document("runs", "show", text))["run"]["id"] == str(beginnings[found])
    assert "several ids begin with aaa" in str((await cli("runs", "show", "aaa")).exception)
    assert "There is no run bbbb" in str((await cli("runs", "show", "bbbb")).exception)
    assert "not an id of a run" in str((await cli("runs", "show", "%")).exception)


async def test_quarantine_is_listed_by_problem_and_may_be_allowed_for_one_run(
    cli: Cli, driver: RunDriver, feed: FakeFeed
) -> None:
    feed.put(*range(60))
    await driver.sync()
    feed.put(*range(30), price="free")
    run = await driver.read()
    with pytest.raises(QuarantineExceeded):
        await driver.consolidator.consolidate(run.id)
    (group,) = await cli.document("quarantine", "list", "--run", "latest")
    assert (group["items"], group["problem"].partition(":")[0]) == (30, "price")
    assert [example["supplier_stone_id"] for example in group["examples"]] == [stone_id(n) for n in range(3)]
    page = (await cli("quarantine", "list", "--payloads")).stdout
    assert stone_id(2) in page
    assert "free" in page

    allowed = await cli.document("consolidate", "--allow-quarantine", str(run.id)[:8])
    assert "@" in allowed["quarantine_allowed_by"]
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.status, done.quarantined) == ("completed", 30)
    assert "Quarantine allowed by" in (await cli("runs", "show", "latest")).stdout
    # The limit applies to the next run: it adds to the quarantine.
    feed.put(*range(30, 60), price="free")
    again = await driver.read()
    with pytest.raises(QuarantineExceeded):
        await driver.consolidator.consolidate(again.id)


async def test_consolidate_names_option_that_stopped_run_needs(cli: Cli, driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(60))
    await driver.sync()
    feed.put(*range(30), price="free")
    run = await driver.read()
    for options in (("--allow-mass-delete",), ()):
        with pytest.raises(QuarantineExceeded):
            await driver.consolidator.consolidate(run.id)
        said = (await cli("consolidate", *options, "latest")).stdout
        assert f"`diamonds-sync consolidate --allow-quarantine {run.id}`" in " ".join(said.split())
        assert ("--allow-mass-delete does not allow these" in said) == bool(options)
    with pytest.raises(QuarantineExceeded):
        await driver.consolidator.consolidate(run.id)
    assert (await cli.document("consolidate", "--allow-quarantine", "latest"))["hint"] is None


async def test_diamonds_to_delete_of_stopped_run_are_counted_and_listed(
    cli: Cli, driver: RunDriver, feed: FakeFeed
) -> None:
    feed.put(*range(40))
    await driver.sync()
    feed.remove(*range(12))
    run = await driver.read()
    with pytest.raises(MassDeleteStopped, match="12 of 40 active stones"):
        await driver.consolidator.consolidate(run.id)
    shown = await cli.document("runs", "show", "latest", "--missing")
    assert shown["missing"] == 12
    assert [one["supplier_stone_id"] for one in shown["diamonds"]] == [stone_id(number) for number in range(12)]
    page = (await cli("runs", "show", "latest", "--missing", "--limit", "5")).stdout
    assert "did not contain 12 active diamonds" in page
    assert stone_id(4) in page
    assert stone_id(5) not in page
    assert "and 7 more" in page
    (header, *rows) = csv.reader((await cli("runs", "show", "latest", "--missing", "--csv")).stdout.splitlines())
    assert header == ["supplier_stone_id", "diamond_id", "shape", "carat", "retail_price_usd"]
    assert [row[0] for row in rows] == [stone_id(number) for number in range(12)]
    assert [row[1] for row in rows] == [one["id"] for one in shown["diamonds"]]
    assert (await cli("runs", "show", "latest", "--csv")).exit_code == 2


async def test_watch_prints_changes_and_ends_with_run(
    cli: Cli, open_run: OpenRun, lifecycle: Lifecycle, execute: Execute
) -> None:
    run = await open_run(2)
    watching = asyncio.create_task(cli("runs", "watch", "latest", "--json"))
    await lifecycle.fail(run.id, SupplierTimeout())
    watched = await watching
    assert watched.exit_code == 1
    lines = [json.loads(line) for line in watched.stdout.splitlines()]
    assert (lines[-1]["status"], lines[-1]["error_code"]) == ("failed", "SUPPLIER_TIMEOUT")
    text = await cli("runs", "watch")
    assert text.exit_code == 1
    assert "failed: 0 of 2 partitions, 2 failed" in text.stdout
    assert "SUPPLIER_TIMEOUT: " in text.stdout
    await execute("UPDATE run_metadata SET status = 'completed', error_code = NULL, error_message = NULL")
    assert (await cli("runs", "watch", str(run.id)[:13])).exit_code == 0


@pytest.mark.usefixtures("ignore_unclosed_sockets")
async def test_schedule_without_broker_succeeds_and_reconcile_sends_work(
    settings: Settings,
    database: Database,
    feed: FakeFeed,
    watermarks: FileWatermarkStore,
    lifecycle: Lifecycle,
    reconciler: Reconciler,
    bus: Bus,
) -> None:
    feed.put(*range(10))
    nowhere = Settings.read(
        azure_service_bus_connection_string="Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=x;SharedAccessKey=x;"
        "UseDevelopmentEmulator=true;"
    )
    async with ServiceBusBroker.open(nowhere.service_bus) as broker:
        scheduler = Scheduler(settings, database, feed, watermarks, Outbox(settings.service_bus, broker, lifecycle))
        run, _ = await scheduler.schedule(RunRequest(full=True))
    assert run.status == "running"
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM worker_runs WHERE sent_at IS NOT NULL") == 0
        await connection.execute("UPDATE worker_runs SET due_at = clock_timestamp() - interval '1 hour'")
    sent = (await reconciler.reconcile()).partitions_sent
    assert len(sent) == bus.counts()["work-items"].active == 1
