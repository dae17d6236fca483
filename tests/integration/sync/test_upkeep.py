"""The regular duties: the nightly run, the watch over nights and dead letters, pruning."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.core.database import Database
from app.core.errors import (
    CoverageUnproven,
    DeadlinePassed,
    InventoryError,
    SupplierRefused,
    SupplierTimeout,
    SupplierUnavailable,
    WatermarkInFuture,
)
from app.core.settings import Settings
from app.events import log
from app.events.models import EventKind, NewEvent
from app.suppliers.ports import StoneQuery
from sandbox.broker import Broker as Bus
from sync.adapters.servicebus import ServiceBusBroker
from sync.adapters.watermark_file import FileWatermarkStore
from sync.domain.window import Watermark
from sync.outbox import Outbox
from sync.scheduler import Request, Scheduler
from sync.upkeep import Upkeep
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf
from tests.integration.sync.conftest import Execute, OpenRun

DUE = datetime(2026, 11, 23, 2, tzinfo=UTC)
JUST_AFTER = DUE + timedelta(seconds=30)
TOO_LATE = DUE + timedelta(hours=1, seconds=1)

UpkeepAt = Callable[[datetime], Upkeep]


@pytest.fixture
def upkeep_at(
    settings: Settings,
    database: Database,
    shelf: Shelf,
    watermarks: FileWatermarkStore,
    outbox: Outbox,
    broker: ServiceBusBroker,
) -> UpkeepAt:
    """The duties at a moment of the test's choice."""

    def upkeep(now: datetime, **changes: object) -> Upkeep:
        chosen = settings.model_copy(update=changes)
        scheduler = Scheduler(chosen, database, shelf, watermarks, outbox, lambda: now)
        return Upkeep(chosen, database, scheduler, broker.dead_letters(), lambda: now)

    return upkeep


async def incidents(database: Database) -> list[str]:
    async with database.connection() as connection:
        return [row["incident"] for row in await connection.fetch("SELECT incident FROM alerts ORDER BY incident")]


# The nightly run


async def test_two_processes_start_one_nightly_run(upkeep_at: UpkeepAt, shelf: Shelf, execute: Execute) -> None:
    shelf.lay(*range(10))
    await asyncio.gather(*(upkeep_at(JUST_AFTER).start_nightly() for _ in range(2)))
    assert await execute("SELECT count(*) FROM run_metadata WHERE started_by = 'nightly'") == 1


async def test_a_nightly_run_that_could_not_be_planned_is_tried_again_ever_later_until_morning_and_told_of_once(
    upkeep_at: UpkeepAt, shelf: Shelf, database: Database, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.lay(1)

    async def away(_query: StoneQuery) -> int:
        raise SupplierUnavailable

    tries = []
    with monkeypatch.context() as outage:
        outage.setattr(shelf, "count", away)
        for minute in range(300):
            now = DUE + timedelta(minutes=minute)
            before = await execute("SELECT count(*) FROM run_metadata")
            with suppress(SupplierUnavailable):
                await upkeep_at(now).start_nightly()
            if await execute("SELECT count(*) FROM run_metadata") != before:
                tries.append(minute)
    assert tries == [0, 5, 15, 35, 75, 135, 195]
    assert await incidents(database) == ["run_failed:nivoda:2026-11-23:SUPPLIER"]
    await upkeep_at(DUE + timedelta(hours=5)).watch_nightly()
    assert len(await incidents(database)) == 1


async def test_a_nightly_run_that_fails_once_more_for_another_reason_is_told_of_again(
    upkeep_at: UpkeepAt, shelf: Shelf, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[InventoryError] = [SupplierUnavailable(), SupplierTimeout(), SupplierRefused(), CoverageUnproven()]
    for minutes, error in zip((0, 5, 15, 35), errors, strict=True):

        async def failing(_query: StoneQuery, error: InventoryError = error) -> int:
            raise error

        monkeypatch.setattr(shelf, "count", failing)
        with pytest.raises(type(error)):
            await upkeep_at(DUE + timedelta(minutes=minutes)).start_nightly()
    assert await incidents(database) == [
        f"run_failed:nivoda:2026-11-23:{cause}" for cause in (CoverageUnproven.code, "SUPPLIER", "SUPPLIER_REFUSED")
    ]


async def test_a_nightly_run_that_is_tried_again_begins_once_the_supplier_is_back(
    upkeep_at: UpkeepAt, shelf: Shelf, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.lay(1)

    async def away(_query: StoneQuery) -> int:
        raise SupplierUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(shelf, "count", away)
        with pytest.raises(SupplierUnavailable):
            await upkeep_at(DUE).start_nightly()
    for minutes in (90, 150):
        await asyncio.gather(*(upkeep_at(DUE + timedelta(minutes=minutes)).start_nightly() for _ in range(2)))
    assert await execute("SELECT array_agg(status ORDER BY started_at) FROM run_metadata") == ["failed", "running"]


async def test_a_nightly_run_that_has_begun_is_not_started_again_however_it_ended(
    upkeep_at: UpkeepAt, shelf: Shelf, execute: Execute
) -> None:
    shelf.lay(1)
    await upkeep_at(JUST_AFTER).start_nightly()
    await execute("UPDATE run_metadata SET status = 'failed', completed_at = clock_timestamp()")
    await upkeep_at(JUST_AFTER + timedelta(minutes=1)).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 1


async def test_a_nightly_run_waits_for_an_open_run_and_then_starts(
    upkeep_at: UpkeepAt, shelf: Shelf, open_run: OpenRun, execute: Execute
) -> None:
    shelf.lay(1)
    await open_run(1)
    await execute("UPDATE run_metadata SET started_at = $1::timestamptz - interval '1 hour'", DUE)
    await upkeep_at(JUST_AFTER).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 1
    await execute("UPDATE run_metadata SET status = 'completed', completed_at = clock_timestamp()")
    await upkeep_at(JUST_AFTER + timedelta(minutes=20)).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 2


@pytest.mark.parametrize("now", [DUE - timedelta(minutes=1), TOO_LATE])
async def test_no_nightly_run_starts_at_another_time(upkeep_at: UpkeepAt, execute: Execute, now: datetime) -> None:
    await upkeep_at(now).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 0


async def test_where_an_external_cron_starts_it_the_jobs_do_not(
    settings: Settings, upkeep_at: Callable[..., Upkeep], execute: Execute
) -> None:
    await upkeep_at(JUST_AFTER, sync_nightly=False).start_nightly()
    assert await execute("SELECT count(*) FROM run_metadata") == 0


# The watch over the nights


async def test_invariant_18_a_night_without_a_run_is_one_incident(
    upkeep_at: UpkeepAt, open_run: OpenRun, database: Database, execute: Execute
) -> None:
    await open_run(1)
    await execute(
        "UPDATE run_metadata SET status = 'completed', started_at = $1::timestamptz - interval '1 day', "
        "completed_at = $1::timestamptz - interval '23 hours'",
        DUE,
    )
    await upkeep_at(JUST_AFTER).watch_nightly()
    assert await incidents(database) == []  # it may still start
    for _ in range(2):
        await upkeep_at(TOO_LATE).watch_nightly()
    assert await incidents(database) == ["nightly_missed:nivoda:2026-11-23"]
    await upkeep_at(TOO_LATE + timedelta(days=1)).watch_nightly()
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
async def test_a_night_with_a_run_is_none(
    upkeep_at: UpkeepAt,
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
    await upkeep_at(TOO_LATE).watch_nightly()
    assert await incidents(database) == []


async def test_a_feed_that_was_never_read_has_missed_nothing(upkeep_at: UpkeepAt, database: Database) -> None:
    await upkeep_at(TOO_LATE).watch_nightly()
    assert await incidents(database) == []


async def test_a_watermark_in_the_future_is_an_alarm_once(
    settings: Settings,
    database: Database,
    shelf: Shelf,
    watermarks: FileWatermarkStore,
    outbox: Outbox,
    execute: Execute,
) -> None:
    await watermarks.write(Watermark(last_updated_at=DUE + timedelta(days=3), last_run_id="x"), None)
    scheduler = Scheduler(settings, database, shelf, watermarks, outbox, lambda: DUE)
    for _ in range(2):
        with pytest.raises(WatermarkInFuture):
            await scheduler.schedule(Request())
    assert await incidents(database) == ["watermark_in_future:nivoda:2026-11-26T02:00:00+00:00"]
    assert await execute("SELECT count(*) FROM run_metadata") == 0


# Dead letters


async def test_dead_letters_are_one_incident_until_the_oldest_is_gone(
    upkeep_at: UpkeepAt, broker: ServiceBusBroker, database: Database, bus: Bus
) -> None:
    upkeep = upkeep_at(JUST_AFTER)
    await put_aside(broker, b"first")
    await upkeep.watch_dead_letters()
    await put_aside(broker, b"second")
    await upkeep.watch_dead_letters()
    (first,) = await incidents(database)
    assert first.startswith("dead_letters:work-items:")
    assert await broker.dead_letters().discard("work-items", 1) == 1
    await upkeep.watch_dead_letters()
    assert len(await incidents(database)) == 2
    assert bus.counts()["work-items"].dead_letter == 1


async def put_aside(broker: ServiceBusBroker, body: bytes) -> None:
    await broker.send("work-items", [body])
    async with broker.inbox("work-items") as inbox:
        delivery = await inbox.receive(wait_seconds=5)
        assert delivery is not None
        await delivery.dead_letter("UnreadableMessage", "not one of ours")


# Pruning


async def test_old_records_go_except_those_by_which_the_next_run_decides(
    upkeep_at: UpkeepAt, open_run: OpenRun, execute: Execute, database: Database
) -> None:
    names = ("completed", "failed", "completed", "partial", "failed", "completed")
    ages = (400, 300, 200, 180, 170, 1)
    ids = []
    for status, age in zip(names, ages, strict=True):
        run = await open_run(2)
        ids.append(run.id)
        await execute(
            "UPDATE run_metadata SET status = $2, started_at = clock_timestamp() - make_interval(days => $3), "
            "completed_at = clock_timestamp() - make_interval(days => $3) WHERE id = $1",
            run.id,
            status,
            age,
        )
    # The newest one is incremental: the full one of 200 days ago says when the feed was last read from end to end.
    await execute("UPDATE run_metadata SET run_type = 'incremental', window_from = started_at WHERE id = $1", ids[-1])
    assert (await upkeep_at(JUST_AFTER).prune())["prune_runs"] == 4
    async with database.connection() as connection:
        left = {row["id"] for row in await connection.fetch("SELECT id FROM run_metadata")}
    assert left == {ids[2], ids[5]}
    assert await execute("SELECT count(*) FROM worker_runs") == 4


async def test_the_only_run_of_a_feed_and_an_open_one_are_never_pruned(
    upkeep_at: UpkeepAt, open_run: OpenRun, execute: Execute
) -> None:
    await open_run(1)
    for status in ("running", "failed"):
        await execute(
            "UPDATE run_metadata SET status = $1, started_at = started_at - interval '1 year', "
            "completed_at = clock_timestamp() - interval '1 year'",
            status,
        )
        assert (await upkeep_at(JUST_AFTER).prune())["prune_runs"] == 0


async def test_payloads_go_only_with_stones_that_are_long_gone(upkeep_at: UpkeepAt, bench: Bench, shelf: Shelf) -> None:
    shelf.lay(*range(20))
    await bench.sync()
    shelf.take(1, 2)
    await bench.sync()
    await bench.value("UPDATE raw_diamonds_nivoda SET observed_at = observed_at - interval '5 years'")
    assert (await upkeep_at(JUST_AFTER).prune())["prune_payloads"] == 0
    await bench.value("UPDATE raw_diamonds_nivoda SET gone_at = gone_at - interval '1 year' WHERE gone_at IS NOT NULL")
    assert (await upkeep_at(JUST_AFTER).prune())["prune_payloads"] == 2
    assert await bench.value("SELECT count(*) FROM raw_diamonds_nivoda") == 18
    assert await bench.value("SELECT count(*) FROM stones_seen") == 18
    assert await bench.rows("SELECT status, count(*) FROM diamonds GROUP BY 1 ORDER BY 1") == [
        ("active", 18),
        ("deleted", 2),
    ]
    shelf.lay(1)
    await bench.sync()
    assert await bench.value("SELECT count(*) FROM diamonds WHERE status = 'active'") == 19


async def test_pruning_and_staging_do_not_wait_for_each_other(
    upkeep_at: UpkeepAt, bench: Bench, shelf: Shelf, execute: Execute, database: Database
) -> None:
    shelf.lay(1)
    await bench.sync()
    await execute("UPDATE raw_diamonds_nivoda SET gone_at = now() - interval '1000 days'")
    async with database.transaction() as staging:
        # As far as a page has come that brings the stone back: it holds the look, and is about to write the payload.
        await staging.fetch("SELECT FROM stones_seen FOR UPDATE")
        async with asyncio.timeout(20):
            pruned = await upkeep_at(DUE).prune()
        await staging.execute("UPDATE raw_diamonds_nivoda SET gone_at = NULL")
    assert pruned["prune_payloads"] == 0
    assert (await upkeep_at(DUE).prune())["prune_payloads"] == 0
    assert await execute("SELECT count(*) FROM raw_diamonds_nivoda") == 1


async def test_old_alerts_go_and_young_ones_stay(
    upkeep_at: UpkeepAt, open_run: OpenRun, bench: Bench, execute: Execute
) -> None:
    for _ in range(2):
        await bench.lifecycle.fail((await open_run(1)).id, DeadlinePassed())
    await execute(
        "UPDATE alerts SET created_at = created_at - interval '1 year' WHERE id IN (SELECT id FROM alerts LIMIT 1)"
    )
    assert (await upkeep_at(JUST_AFTER).prune())["prune_alerts"] == 1
    assert await execute("SELECT count(*) FROM alerts") == 1


# Events


async def test_events_get_their_positions_without_an_api_and_go_when_they_are_old(
    upkeep_at: UpkeepAt, database: Database, execute: Execute
) -> None:
    for _ in range(3):
        async with database.transaction() as connection:
            await log.append(connection, NewEvent(EventKind.DIAMONDS_CHANGED, [uuid4()]))
    await upkeep_at(JUST_AFTER).number_events()
    assert await execute("SELECT array_agg(position ORDER BY id) FROM event_log") == [1, 2, 3]
    await execute("UPDATE event_log SET occurred_at = occurred_at - interval '1 year' WHERE position < 3")
    assert (await upkeep_at(JUST_AFTER).prune())["prune_events"] == 2
    assert await execute("SELECT array_agg(position) FROM event_log") == [3]
