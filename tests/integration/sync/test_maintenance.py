"""The other regular duties: the watch over dead letters, pruning, the numbers of events."""

import asyncio
from uuid import uuid4

from inventory.core.database import Database
from inventory.core.errors import DeadlinePassed
from inventory.events import log
from inventory.events.models import EventKind, NewEvent
from sandbox.broker import Broker as Bus
from sync.messaging.servicebus import ServiceBusBroker
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf
from tests.integration.sync.conftest import Execute, OpenRun
from tests.integration.sync.maintenance import DUE, JUST_AFTER, UpkeepAt, incidents

# Dead letters


async def test_dead_letters_are_one_incident_until_the_oldest_is_gone(
    upkeep_at: UpkeepAt, broker: ServiceBusBroker, database: Database, bus: Bus
) -> None:
    maintenance = upkeep_at(JUST_AFTER)
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


async def test_incidents_of_dead_letters_end_when_their_messages_are_gone(
    upkeep_at: UpkeepAt, broker: ServiceBusBroker, execute: Execute
) -> None:
    maintenance = upkeep_at(JUST_AFTER)
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


async def test_prune_removes_old_job_effects(upkeep_at: UpkeepAt, execute: Execute) -> None:
    await execute(
        "INSERT INTO job_effects (job_id, answer, applied_at) "
        "VALUES ('old', '1', clock_timestamp() - interval '1 year'), ('new', '1', clock_timestamp())"
    )
    assert (await upkeep_at(JUST_AFTER).prune())["prune_job_effects"] == 1
    assert await execute("SELECT job_id FROM job_effects") == "new"


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
