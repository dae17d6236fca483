"""Reconciliation: it repairs what dead processes and lost messages leave, and changes nothing else."""

import asyncio
from uuid import UUID, uuid4

import pytest

from inventory.core.database import Database
from inventory.core.errors import BrokerUnavailable
from inventory.core.settings import Settings
from inventory.runs import repository
from inventory.runs.models import Partition
from sandbox.broker import Broker as Bus
from sync.messaging.messages import Consolidate, WorkItem, decode
from sync.messaging.outbox import Outbox
from sync.messaging.servicebus import ServiceBusBroker
from sync.operations.reconcile import Reconciler, ReconcileReport
from sync.runs.lifecycle import Lifecycle
from sync.runs.statements import sql
from tests.integration.sync.conftest import Execute, OpenRun

NOTHING = ReconcileReport(runs_ended=[], runs_settled=[], triggers_sent=[], partitions_sent=[])


async def parts_of(database: Database, run_id: UUID) -> list[Partition]:
    async with database.connection() as connection:
        return await repository.partitions(connection, run_id)


async def claim(database: Database, partition: Partition, seconds: float = 30) -> UUID:
    """Claim a partition as a worker."""
    token = uuid4()
    async with database.connection() as connection:
        assert await connection.fetchrow(sql.claim_partition, partition.id, token, seconds, "a worker") is not None
    return token


async def finish(database: Database, lifecycle: Lifecycle, partition: Partition, error: str | None = None) -> bool:
    token = await claim(database, partition)
    _, trigger = await lifecycle.end_partition(partition, token, error=error)
    return trigger


async def sent_long_ago(execute: Execute) -> None:
    await execute("UPDATE worker_runs SET sent_at = clock_timestamp() - interval '10 minutes'")


async def test_healthy_run_is_unchanged(
    reconciler: Reconciler, open_run: OpenRun, database: Database, outbox: Outbox, bus: Bus
) -> None:
    run = await open_run(3)
    partitions = await parts_of(database, run.id)
    await outbox.send_work(partitions, run.trace_id)
    await claim(database, partitions[0])
    assert await reconciler.reconcile() == NOTHING
    assert bus.counts()["work-items"].active == 3


async def test_work_items_being_sent_are_left_to_scheduler(reconciler: Reconciler, open_run: OpenRun) -> None:
    await open_run(3)
    assert await reconciler.reconcile() == NOTHING


async def test_work_items_of_dead_scheduler_are_sent(
    reconciler: Reconciler, open_run: OpenRun, execute: Execute, broker: ServiceBusBroker, database: Database
) -> None:
    run = await open_run(2)
    await execute("UPDATE worker_runs SET due_at = clock_timestamp() - interval '31 seconds'")
    report = await reconciler.reconcile()
    partitions = await parts_of(database, run.id)
    assert report.partitions_sent == [part.id for part in partitions]
    assert all(part.sent_at is not None for part in partitions)
    async with broker.inbox("work-items") as inbox:
        delivery = await inbox.receive(wait_seconds=5)
        assert delivery is not None
        item = decode(delivery.body, WorkItem)
        await delivery.complete()
    assert (item.run_id, item.partition_id, item.trace_id) == (run.id, partitions[0].id, run.trace_id)
    assert await reconciler.reconcile() == NOTHING


@pytest.mark.usefixtures("ignore_unclosed_sockets")
async def test_partitions_with_lost_messages_are_sent_again(
    reconciler: Reconciler, open_run: OpenRun, database: Database, outbox: Outbox, bus: Bus, execute: Execute
) -> None:
    run = await open_run(3)
    partitions = await parts_of(database, run.id)
    await outbox.send_work(partitions, run.trace_id)
    bus.drop()
    await sent_long_ago(execute)
    assert len((await reconciler.reconcile()).partitions_sent) == 3
    assert bus.counts()["work-items"].active == 3


async def test_backlog_is_not_sent_again_while_worker_reads(
    reconciler: Reconciler, open_run: OpenRun, database: Database, outbox: Outbox, execute: Execute
) -> None:
    run = await open_run(3)
    partitions = await parts_of(database, run.id)
    await outbox.send_work(partitions, run.trace_id)
    await sent_long_ago(execute)
    await claim(database, partitions[0])
    assert await reconciler.reconcile() == NOTHING


async def test_partition_of_dead_worker_is_sent_again_while_others_read(
    reconciler: Reconciler, open_run: OpenRun, database: Database, outbox: Outbox, execute: Execute
) -> None:
    run = await open_run(3)
    partitions = await parts_of(database, run.id)
    await outbox.send_work(partitions, run.trace_id)
    await sent_long_ago(execute)
    await claim(database, partitions[0])
    await claim(database, partitions[1], seconds=-1)
    assert (await reconciler.reconcile()).partitions_sent == [partitions[1].id]


async def test_concurrent_reconcilers_send_once(
    reconciler: Reconciler, open_run: OpenRun, execute: Execute, bus: Bus
) -> None:
    await open_run(5)
    await execute("UPDATE worker_runs SET due_at = clock_timestamp() - interval '1 hour'")
    reports = await asyncio.gather(*(reconciler.reconcile() for _ in range(5)))
    assert sum(len(report.partitions_sent) for report in reports) == 5
    assert bus.counts()["work-items"].active == 5


@pytest.mark.usefixtures("ignore_unclosed_sockets")
async def test_failed_send_is_still_due(
    settings: Settings, database: Database, open_run: OpenRun, execute: Execute, lifecycle: Lifecycle
) -> None:
    run = await open_run(2)
    await execute("UPDATE worker_runs SET due_at = clock_timestamp() - interval '1 hour'")
    nowhere = Settings.read(
        azure_service_bus_connection_string="Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=x;SharedAccessKey=x;"
        "UseDevelopmentEmulator=true;"
    )
    async with ServiceBusBroker.open(nowhere.service_bus) as broker:
        reconciler = Reconciler(settings.sync, database, Outbox(settings.service_bus, broker, lifecycle))
        with pytest.raises(BrokerUnavailable):
            await reconciler.reconcile()
    assert [part.sent_at for part in await parts_of(database, run.id)] == [None, None]


async def test_unsent_consolidation_trigger_is_sent(
    reconciler: Reconciler,
    open_run: OpenRun,
    database: Database,
    lifecycle: Lifecycle,
    broker: ServiceBusBroker,
) -> None:
    run = await open_run(2)
    triggers = [await finish(database, lifecycle, part) for part in await parts_of(database, run.id)]
    assert triggers == [False, True]
    report = await reconciler.reconcile()
    assert report.triggers_sent == [run.id]
    async with broker.inbox("consolidate") as inbox:
        delivery = await inbox.receive(wait_seconds=5)
        assert delivery is not None
        assert decode(delivery.body, Consolidate).run_id == run.id
        await delivery.complete()
    assert await reconciler.reconcile() == NOTHING


@pytest.mark.usefixtures("ignore_unclosed_sockets")
async def test_lost_consolidation_trigger_is_sent_again(
    reconciler: Reconciler, open_run: OpenRun, database: Database, lifecycle: Lifecycle, bus: Bus, execute: Execute
) -> None:
    run = await open_run(1)
    await finish(database, lifecycle, (await parts_of(database, run.id))[0])
    await reconciler.reconcile()
    bus.drop()
    await execute("UPDATE run_metadata SET consolidate_sent_at = clock_timestamp() - interval '10 minutes'")
    assert (await reconciler.reconcile()).triggers_sent == [run.id]
    assert bus.counts()["consolidate"].active == 1


async def test_run_with_active_consolidator_gets_no_second_trigger(
    reconciler: Reconciler, open_run: OpenRun, database: Database, lifecycle: Lifecycle, execute: Execute
) -> None:
    run = await open_run(1)
    await finish(database, lifecycle, (await parts_of(database, run.id))[0])
    async with database.connection() as connection:
        await connection.fetchrow(sql.claim_consolidation, run.id, uuid4(), 30.0)
    assert await reconciler.reconcile() == NOTHING
    await execute("UPDATE run_metadata SET lease_until = clock_timestamp() - interval '1 second'")
    assert (await reconciler.reconcile()).triggers_sent == [run.id]


async def test_consolidated_run_without_watermark_gets_another_trigger(
    reconciler: Reconciler, open_run: OpenRun, database: Database, lifecycle: Lifecycle, execute: Execute
) -> None:
    run = await open_run(1)
    await finish(database, lifecycle, (await parts_of(database, run.id))[0])
    await execute(
        "UPDATE run_metadata SET consolidated_at = clock_timestamp(), "
        "consolidate_sent_at = clock_timestamp() - interval '1 hour'"
    )
    assert (await reconciler.reconcile()).triggers_sent == [run.id]


async def test_run_with_dead_planner_fails_with_reason(
    reconciler: Reconciler, open_run: OpenRun, lifecycle: Lifecycle, execute: Execute
) -> None:
    run = await open_run(None)
    assert await reconciler.reconcile() == NOTHING
    await execute("UPDATE run_metadata SET lease_until = clock_timestamp() - interval '1 second'")
    assert (await reconciler.reconcile()).runs_ended == [run.id]
    ended = await lifecycle.get(run.id)
    assert (ended.status, ended.error_code) == ("failed", "PLANNING_ABANDONED")
    await open_run(1)  # the feed is free again


async def test_run_past_deadline_fails_with_last_error(
    reconciler: Reconciler, open_run: OpenRun, lifecycle: Lifecycle, database: Database, execute: Execute
) -> None:
    run = await open_run(2)
    first, _ = await parts_of(database, run.id)
    token = await claim(database, first)
    await execute(sql.release_partition, first.id, token, "SUPPLIER_ERROR: The supplier is asleep")
    await execute("UPDATE run_metadata SET deadline_at = clock_timestamp()")
    assert (await reconciler.reconcile()).runs_ended == [run.id]
    ended = await lifecycle.get(run.id)
    assert (ended.status, ended.error_code) == ("failed", "DEADLINE_PASSED")
    assert "The supplier is asleep" in (ended.error_message or "")
    assert [part.status for part in await parts_of(database, run.id)] == ["failed", "failed"]
    assert await reconciler.reconcile() == NOTHING


async def test_run_without_open_partitions_is_completed(
    reconciler: Reconciler, open_run: OpenRun, lifecycle: Lifecycle, execute: Execute, bus: Bus
) -> None:
    run = await open_run(2)
    await execute("UPDATE worker_runs SET status = 'succeeded'")
    report = await reconciler.reconcile()
    assert (report.runs_settled, report.triggers_sent) == ([run.id], [run.id])
    assert (await lifecycle.get(run.id)).status == "consolidating"
    assert bus.counts()["consolidate"].active == 1


async def test_run_continues_immediately_after_last_report(
    reconciler: Reconciler, open_run: OpenRun, lifecycle: Lifecycle, execute: Execute, bus: Bus
) -> None:
    run = await open_run(2)
    assert not await lifecycle.settle(run.id)
    await reconciler.finish(run.id)
    assert (await lifecycle.get(run.id)).status == "running"
    await execute("UPDATE worker_runs SET status = 'succeeded'")
    await reconciler.finish(run.id)
    assert (await lifecycle.get(run.id)).status == "consolidating"
    assert bus.counts()["consolidate"].active == 1
