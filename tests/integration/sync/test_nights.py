"""The nightly run, and the monitoring of nights."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from inventory.core.database import Database
from inventory.core.errors import (
    CoverageUnproven,
    InventoryError,
    SupplierRefused,
    SupplierTimeout,
    SupplierUnavailable,
    WatermarkInFuture,
)
from inventory.core.settings import Settings
from inventory.suppliers.ports import StoneQuery
from sync.jobs.maintenance import Maintenance
from sync.messaging.outbox import Outbox
from sync.planning.window import Watermark
from sync.scheduler.planning import RunRequest
from sync.scheduler.scheduler import Scheduler
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.sync.conftest import Execute, OpenRun
from tests.integration.sync.maintenance import DUE, JUST_AFTER, TOO_LATE, MaintenanceAt, incidents

# The nightly run


async def test_two_processes_start_one_nightly_run(
    maintenance_at: MaintenanceAt, feed: FakeFeed, execute: Execute
) -> None:
    feed.put(*range(10))
    await asyncio.gather(*(maintenance_at(JUST_AFTER).start_nightly() for _ in range(2)))
    assert await execute("SELECT count(*) FROM run_metadata WHERE started_by = 'nightly'") == 1


async def test_failed_nightly_start_is_retried_until_morning_and_alerted_once(
    maintenance_at: MaintenanceAt, feed: FakeFeed, database: Database, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.put(1)

    async def away(_query: StoneQuery) -> int:
        raise SupplierUnavailable

    tries = []
    with monkeypatch.context() as outage:
        outage.setattr(feed, "count", away)
        for minute in range(300):
            now = DUE + timedelta(minutes=minute)
            before = await execute("SELECT count(*) FROM run_metadata")
            with suppress(SupplierUnavailable):
                await maintenance_at(now).start_nightly()
            if await execute("SELECT count(*) FROM run_metadata") != before:
                tries.append(minute)
    assert tries == [0, 5, 15, 35, 75, 135, 195]
    assert await incidents(database) == ["run_failed:nivoda:2026-11-23:SUPPLIER"]
    await maintenance_at(DUE + timedelta(hours=5)).watch_nightly()
    assert len(await incidents(database)) == 1


async def test_nightly_run_that_fails_for_another_reason_alerts_again(
    maintenance_at: MaintenanceAt, feed: FakeFeed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[InventoryError] = [SupplierUnavailable(), SupplierTimeout(), SupplierRefused(), CoverageUnproven()]
    for minutes, error in zip((0, 5, 15, 35), errors, strict=True):

        async def failing(_query: StoneQuery, error: InventoryError = error) -> int:
            raise error

        monkeypatch.setattr(feed, "count", failing)
        with pytest.raises(type(error)):
            await maintenance_at(DUE + timedelta(minutes=minutes)).start_nightly()
    assert await incidents(database) == [
        f"run_failed:nivoda:2026-11-23:{cause}" for cause in (CoverageUnproven.code, "SUPPLIER", "SUPPLIER_REFUSED")
    ]


async def test_retried_nightly_run_starts_when_supplier_returns(
    maintenance_at: MaintenanceAt, feed: FakeFeed, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.put(1)

    async def away(_query: StoneQuery) -> int:
        raise SupplierUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(feed, "count", away)
        with pytest.raises(SupplierUnavailable):
            await maintenance_at(DUE).start_nightly()
    for minutes in (90, 150):
        await asyncio.gather(*(maintenance_at(DUE + timedelta(minutes=minutes)).start_nightly() for _ in range(2)))
    assert await execute("SELECT array_agg(status ORDER BY started_at) FROM run_metadata") == ["failed", "running"]


async def test_run_of_another_scheduler_is_retried_and_never_started(
    maintenance_at: MaintenanceAt, feed: FakeFeed, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.put(1)
    others = {"sync_nightly": False, "sync_nightly_retry": True}
    await maintenance_at(DUE, **others).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 0

    async def away(_query: StoneQuery) -> int:
        raise SupplierUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(feed, "count", away)
        with pytest.raises(SupplierUnavailable):
            await maintenance_at(DUE).start_nightly()
    await maintenance_at(DUE + timedelta(minutes=10), sync_nightly=False).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 1
    await maintenance_at(DUE + timedelta(minutes=10), **others).start_nightly()
    assert await execute("SELECT array_agg(status ORDER BY started_at) FROM run_metadata") == ["failed", "running"]


async def test_nightly_run_is_not_started_again_after_any_end(
    maintenance_at: MaintenanceAt, feed: FakeFeed, execute: Execute
) -> None:
    feed.put(1)
    await maintenance_at(JUST_AFTER).start_nightly()
    await execute("UPDATE run_metadata SET status = 'failed', completed_at = clock_timestamp()")
    await maintenance_at(JUST_AFTER + timedelta(minutes=1)).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 1


async def test_nightly_run_waits_for_open_run(
    maintenance_at: MaintenanceAt, feed: FakeFeed, open_run: OpenRun, execute: Execute
) -> None:
    feed.put(1)
    await open_run(1)
    await execute("UPDATE run_metadata SET started_at = $1::timestamptz - interval '1 hour'", DUE)
    await maintenance_at(JUST_AFTER).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 1
    await execute("UPDATE run_metadata SET status = 'completed', completed_at = clock_timestamp()")
    await maintenance_at(JUST_AFTER + timedelta(minutes=20)).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 2


@pytest.mark.parametrize("now", [DUE - timedelta(minutes=1), TOO_LATE])
async def test_nightly_run_starts_only_at_its_time(
    maintenance_at: MaintenanceAt, execute: Execute, now: datetime
) -> None:
    await maintenance_at(now).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 0


async def test_jobs_start_no_run_with_external_cron(
    settings: Settings, maintenance_at: Callable[..., Maintenance], execute: Execute
) -> None:
    await maintenance_at(JUST_AFTER, sync_nightly=False).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 0


# Monitoring of nights


async def test_invariant_18_night_without_run_is_one_incident(
    maintenance_at: MaintenanceAt, open_run: OpenRun, database: Database, execute: Execute
) -> None:
    await open_run(1)
    await execute(
        "UPDATE run_metadata SET status = 'completed', started_at = $1::timestamptz - interval '1 day', "
        "completed_at = $1::timestamptz - interval '23 hours'",
        DUE,
    )
    await maintenance_at(JUST_AFTER).watch_nightly()
    assert await incidents(database) == []  # it may still start
    for _ in range(2):
        await maintenance_at(TOO_LATE).watch_nightly()
    assert await incidents(database) == ["nightly_missed:nivoda:2026-11-23"]
    await maintenance_at(TOO_LATE + timedelta(days=1)).watch_nightly()
    assert len(await incidents(database)) == 2


@pytest.mark.parametrize(
    ("started", "completed"),
    [
        (timedelta(minutes=1), timedelta(minutes=5)),
        (timedelta(hours=-1), timedelta(minutes=5)),
        (timedelta(hours=-1), None),
    ],
    ids=["started since", "was under way", "is under way"],
)
async def test_night_with_run_is_no_incident(
    maintenance_at: MaintenanceAt,
    open_run: OpenRun,
    database: Database,
    execute: Execute,
    started: timedelta,
    completed: timedelta | None,
) -> None:
    await open_run(1)
    await execute(
        "UPDATE run_metadata SET status = 'failed', started_at = $1, completed_at = $2",
        DUE + started,
        None if completed is None else DUE + completed,
    )
    await maintenance_at(TOO_LATE).watch_nightly()
    assert await incidents(database) == []


async def test_feed_that_was_never_read_is_no_incident(maintenance_at: MaintenanceAt, database: Database) -> None:
    await maintenance_at(TOO_LATE).watch_nightly()
    assert await incidents(database) == []


async def test_watermark_in_future_is_one_incident(
    settings: Settings,
    database: Database,
    feed: FakeFeed,
    watermarks: FileWatermarkStore,
    outbox: Outbox,
    execute: Execute,
) -> None:
    await watermarks.write(Watermark(last_updated_at=DUE + timedelta(days=3), last_run_id="x"), None)
    scheduler = Scheduler(settings, database, feed, watermarks, outbox, lambda: DUE)
    for _ in range(2):
        with pytest.raises(WatermarkInFuture):
            await scheduler.schedule(RunRequest())
    assert await incidents(database) == ["watermark_in_future:nivoda:2026-11-26T02:00:00+00:00"]
    assert await execute("SELECT count(*) FROM run_metadata") == 0
