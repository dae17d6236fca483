"""Messages of permanently failed work: completed, because the run's row and its alert hold the reason."""

import asyncio

import pytest

from inventory.core.database import Database
from inventory.core.errors import FeedRestless, SupplierTimeout
from inventory.runs import repository
from inventory.suppliers.ports import StoneQuery
from sandbox.broker import Broker as Bus
from sandbox.broker.message import Counts
from sync.container import Container
from sync.messaging.consumer import Handler
from sync.messaging.outbox import Outbox
from sync.messaging.servicebus import ServiceBusBroker
from sync.runs.lifecycle import Lifecycle
from sync.worker.worker import Worker
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.sync.conftest import OpenRun
from tests.integration.sync.maintenance import JUST_AFTER, MaintenanceAt, incidents
from tests.integration.sync.operators import pipeline, settings

__all__ = ["pipeline", "settings"]  # fixtures

NOTHING = Counts(active=0, deferred=0, scheduled=0, dead_letter=0, locked=0)


async def take_one(pipeline: Container, queue: str, handler: Handler) -> None:
    """Consume the queue until one message is settled."""
    stop = asyncio.Event()

    async def handle(body: bytes, last: bool) -> None:
        try:
            await handler(body, last)
        finally:
            stop.set()

    async with asyncio.timeout(60):
        await pipeline.consumer(queue, handle, slots=1, stop=stop).run()


@pytest.mark.parametrize(("check", "code"), [("deletes", "MASS_DELETE_STOPPED"), ("quarantine", "QUARANTINE_EXCEEDED")])
async def test_invariant_18_run_stopped_by_safety_check_is_one_incident(
    check: str,
    code: str,
    pipeline: Container,
    driver: RunDriver,
    feed: FakeFeed,
    outbox: Outbox,
    bus: Bus,
    database: Database,
    maintenance_at: MaintenanceAt,
) -> None:
    feed.put(*range(1, 41))
    await driver.sync()
    if check == "deletes":
        feed.remove(*range(1, 21))
    else:
        feed.put(*range(1, 31), diamond__certificate=None)
    run = await driver.read()
    assert await outbox.send_trigger(run.id, run.trace_id, run.feed)
    await take_one(pipeline, "consolidate", pipeline.consolidator().handle)
    stopped = await driver.lifecycle.get(run.id)
    assert (stopped.status, stopped.error_code) == ("failed", code)
    assert bus.counts()["consolidate"] == NOTHING
    await maintenance_at(JUST_AFTER).watch_dead_letters()
    assert [key.partition(":")[0] for key in await incidents(database)] == [code.lower()]
    content = str(await driver.value("SELECT content::text FROM alerts"))
    named = {
        "deletes": ["The 20 diamonds that would be deleted", f"runs show {run.id} --missing"],
        "quarantine": ["30 x ", f"quarantine list --run {run.id}", f"--allow-quarantine {run.id}"],
    }
    assert [text for text in named[check] if text not in content] == []


async def test_invariant_18_unreadable_partition_is_one_incident(
    pipeline: Container,
    open_run: OpenRun,
    feed: FakeFeed,
    lifecycle: Lifecycle,
    outbox: Outbox,
    bus: Bus,
    database: Database,
    maintenance_at: MaintenanceAt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def restless(query: StoneQuery) -> int:
        raise FeedRestless

    monkeypatch.setattr(feed, "count", restless)
    run = await open_run(1)
    async with database.connection() as connection:
        partitions = await repository.partitions(connection, run.id)
    await outbox.send_work(partitions, run.trace_id)
    worker = Worker(pipeline.settings.sync, database, feed, outbox, worker_id="a test", stop=asyncio.Event())
    await take_one(pipeline, "work-items", worker.handle)
    failed = await lifecycle.get(run.id)
    assert (failed.status, failed.error_code) == ("failed", "PARTITIONS_FAILED")
    assert bus.counts()["work-items"] == NOTHING
    await maintenance_at(JUST_AFTER).watch_dead_letters()
    assert len(await incidents(database)) == 1


async def test_invariant_18_dead_letter_of_known_run_is_no_second_incident(
    open_run: OpenRun,
    lifecycle: Lifecycle,
    outbox: Outbox,
    bus: Bus,
    broker: ServiceBusBroker,
    database: Database,
    maintenance_at: MaintenanceAt,
) -> None:
    run = await open_run(1)
    async with database.connection() as connection:
        partitions = await repository.partitions(connection, run.id)
    await outbox.send_work(partitions, run.trace_id)
    async with broker.inbox("work-items") as inbox:
        delivery = await inbox.receive(wait_seconds=10)
        assert delivery is not None
        await delivery.dead_letter("SUPPLIER_TIMEOUT", "The supplier did not answer in time")
    await lifecycle.fail(run.id, SupplierTimeout())
    assert bus.counts()["work-items"].dead_letter == 1
    await maintenance_at(JUST_AFTER).watch_dead_letters()
    assert [key.partition(":")[0] for key in await incidents(database)] == ["run_failed"]
