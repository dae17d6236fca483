"""Periodic maintenance: dead letter monitoring, pruning, numbering of events."""

import asyncio
from uuid import uuid4

from inventory.core.database import Database
from inventory.core.errors import DeadlinePassed
from inventory.events import log
from inventory.events.models import EventKind, NewEvent
from sandbox.broker import Broker as Bus
from sync.messaging.servicebus import ServiceBusBroker
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.sync.conftest import Execute, OpenRun
from tests.integration.sync.maintenance import DUE, JUST_AFTER, MaintenanceAt, incidents

# Dead letters


async def test_dead_letters_are_one_incident_until_oldest_is_gone(
    maintenance_at: MaintenanceAt, broker: ServiceBusBroker, database: Database, bus: Bus
) -> None:
    maintenance = maintenance_at(JUST_AFTER)
    await put_aside(broker, b"first")
    await maintenance.watch_dead_letters()
    await put_aside(broker, b"second")
    await maintenance.watch_dead_letters()
    (first,) = await incidents(database)
    assert first.startswith("dead_letters:work-items:")
    assert await broker.dead_letters().discard("work-items", 1) == 1
    await maintenance.watch_dead_letters()
    assert len(await incidents(database)) == 2
    assert bus.counts()["work-items"].dead_letter == 1


async def test_dead_letter_incidents_end_with_their_messages(
    maintenance_at: MaintenanceAt, broker: ServiceBusBroker, execute: Execute
) -> None:
    maintenance = maintenance_at(JUST_AFTER)
    open_incidents = "SELECT count(*) FROM alerts WHERE resolved_at IS NULL"
    for body in (b"first", b"second"):
        await put_aside(broker, body)
    await maintenance.watch_dead_letters()
    assert await execute(open_incidents) == 1
    await broker.dead_letters().discard("work-items", 1)
    await maintenance.watch_dead_letters()
    assert await execute(open_incidents) == 1, "the second message is another incident; that of the first is over"
    await broker.dead_letters().discard("work-items", 1)
    await maintenance.watch_dead_letters()
    assert await execute(open_incidents) == 0


async def put_aside(broker: ServiceBusBroker, body: bytes) -> None:
    await broker.send("work-items", [body])
    async with broker.inbox("work-items") as inbox:
        delivery = await inbox.receive(wait_seconds=5)
        assert delivery is not None
        await delivery.dead_letter("UnreadableMessage", "not one of ours")


# Pruning


async def test_old_records_are_pruned_except_those_needed_by_next_run(
    maintenance_at: MaintenanceAt, open_run: OpenRun, execute: Execute, database: Database
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
    # The newest run is incremental. The full run of 200 days ago states when the feed was last read completely.
    await execute("UPDATE run_metadata SET run_type = 'incremental', window_from = started_at WHERE id = $1", ids[-1])
    assert (await maintenance_at(JUST_AFTER).prune())["prune_runs"] == 4
    async with database.connection() as connection:
        left = {row["id"] for row in await connection.fetch("SELECT id FROM run_metadata")}
    assert left == {ids[2], ids[5]}
    assert await execute("SELECT count(*) FROM worker_runs") == 4


async def test_only_run_of_feed_and_open_run_are_never_pruned(
    maintenance_at: MaintenanceAt, open_run: OpenRun, execute: Execute
) -> None:
    await open_run(1)
    for status in ("running", "failed"):
        await execute(
            "UPDATE run_metadata SET status = $1, started_at = started_at - interval '1 year', "
            "completed_at = clock_timestamp() - interval '1 year'",
            status,
        )
        assert (await maintenance_at(JUST_AFTER).prune())["prune_runs"] == 0


async def test_payloads_are_pruned_with_long_deleted_stones_only(
    maintenance_at: MaintenanceAt, driver: RunDriver, feed: FakeFeed
) -> None:
    feed.put(*range(20))
    await driver.sync()
    feed.remove(1, 2)
    await driver.sync()
    await driver.value("UPDATE raw_diamonds_nivoda SET observed_at = observed_at - interval '5 years'")
    assert (await maintenance_at(JUST_AFTER).prune())["prune_payloads"] == 0
    await driver.value("UPDATE raw_diamonds_nivoda SET gone_at = gone_at - interval '1 year' WHERE gone_at IS NOT NULL")
    assert (await maintenance_at(JUST_AFTER).prune())["prune_payloads"] == 2
    assert await driver.value("SELECT count(*) FROM raw_diamonds_nivoda") == 18
    assert await driver.value("SELECT count(*) FROM stones_seen") == 18
    assert await driver.rows("SELECT status, count(*) FROM diamonds GROUP BY 1 ORDER BY 1") == [
        ("active", 18),
        ("deleted", 2),
    ]
    feed.put(1)
    await driver.sync()
    assert await driver.value("SELECT count(*) FROM diamonds WHERE status = 'active'") == 19


async def test_pruning_and_staging_do_not_block_each_other(
    maintenance_at: MaintenanceAt, driver: RunDriver, feed: FakeFeed, execute: Execute, database: Database
) -> None:
    feed.put(1)
    await driver.sync()
    await execute("UPDATE raw_diamonds_nivoda SET gone_at = now() - interval '1000 days'")
    async with database.transaction() as staging:
        # The state of a page that restores the stone: it has stored the observation and is about to write the payload.
        await staging.fetch("SELECT FROM stones_seen FOR UPDATE")
        async with asyncio.timeout(20):
            pruned = await maintenance_at(DUE).prune()
        await staging.execute("UPDATE raw_diamonds_nivoda SET gone_at = NULL")
    assert pruned["prune_payloads"] == 0
    assert (await maintenance_at(DUE).prune())["prune_payloads"] == 0
    assert await execute("SELECT count(*) FROM raw_diamonds_nivoda") == 1


async def test_old_alerts_are_pruned_and_recent_ones_kept(
    maintenance_at: MaintenanceAt, open_run: OpenRun, driver: RunDriver, execute: Execute
) -> None:
    for _ in range(2):
        await driver.lifecycle.fail((await open_run(1)).id, DeadlinePassed())
    await execute(
        "UPDATE alerts SET created_at = created_at - interval '1 year' WHERE id IN (SELECT id FROM alerts LIMIT 1)"
    )
    assert (await maintenance_at(JUST_AFTER).prune())["prune_alerts"] == 1
    assert await execute("SELECT count(*) FROM alerts") == 1


async def test_prune_removes_old_job_effects(maintenance_at: MaintenanceAt, execute: Execute) -> None:
    await execute(
        "INSERT INTO job_effects (job_id, answer, applied_at) "
        "VALUES ('old', '1', clock_timestamp() - interval '1 year'), ('new', '1', clock_timestamp())"
    )
    assert (await maintenance_at(JUST_AFTER).prune())["prune_job_effects"] == 1
    assert await execute("SELECT job_id FROM job_effects") == "new"


# Events


async def test_events_are_numbered_without_api_and_pruned_when_old(
    maintenance_at: MaintenanceAt, database: Database, execute: Execute
) -> None:
    for _ in range(3):
        async with database.transaction() as connection:
            await log.append(connection, NewEvent(EventKind.DIAMONDS_CHANGED, [uuid4()]))
    await maintenance_at(JUST_AFTER).number_events()
    assert await execute("SELECT array_agg(position ORDER BY id) FROM event_log") == [1, 2, 3]
    await execute("UPDATE event_log SET occurred_at = occurred_at - interval '1 year' WHERE position < 3")
    assert (await maintenance_at(JUST_AFTER).prune())["prune_events"] == 2
    assert await execute("SELECT array_agg(position) FROM event_log") == [3]
