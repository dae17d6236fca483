"""Duplicate, late, reordered, lost and poison messages: the tables are the same."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient

from inventory.runs.models import Run
from sync.messaging.messages import Consolidate, WorkItem, encode
from tests.faults.campaign import Campaign
from tests.faults.fault_injection import break_messages, break_supplier
from tests.faults.fork_server import Child
from tests.faults.kills import Reference
from tests.faults.options import Options
from tests.faults.points import KillOrder
from tests.faults.processes import ROLES, WORKERS
from tests.faults.site import Site, open_site
from tests.faults.snapshot import against_reference, against_supplier, check_figures, snapshot

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

BATCHES_OF_FIRST_RUN = 9  # 2,500 stones by 300
REQUESTED = "after statement: request_consolidation"


@asynccontextmanager
async def bus(site: Site) -> AsyncIterator[ServiceBusClient]:
    text = site.stack.environment["AZURE_SERVICE_BUS_CONNECTION_STRING"]
    async with ServiceBusClient.from_connection_string(text) as client:
        yield client


async def send(site: Site, queue: str, bodies: Sequence[bytes]) -> None:
    async with bus(site) as client, client.get_queue_sender(queue) as sender:
        await sender.send_messages([ServiceBusMessage(body) for body in bodies])


async def dead_letters(site: Site, queue: str) -> list[ServiceBusReceivedMessage]:
    """The dead letters, removed from the queue."""
    async with (
        bus(site) as client,
        client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver,
    ):
        messages = await receiver.receive_messages(max_message_count=100, max_wait_time=2)
        for message in messages:
            await receiver.complete_message(message)
        return messages


def body_of(message: ServiceBusReceivedMessage) -> bytes:
    return message.body if isinstance(message.body, bytes) else b"".join(message.body)


async def total(site: Site, point: str) -> int:
    return sum(site.processes.passed(role)[point] for role in ROLES)


async def equals_undisturbed_run(site: Site, reference: Reference, run: Run) -> None:
    await site.idle()
    found = await snapshot(site)
    assert not against_supplier(found, await site.truth(), ())
    assert not against_reference(found, reference.snapshots[0])
    assert not await check_figures(site, run)


async def test_invariant_05_messages_may_be_duplicate_late_and_reordered(reference: Reference, site: Site) -> None:
    async def unsettle(site: Site, number: int) -> None:
        await break_messages(site, duplicate=0.7, delay_seconds=0.4, reorder=True, seed=number)

    campaign = Campaign(site, reference, seed=0, per_run=0, say=print, unsettle=unsettle)
    result = await campaign.run_round()
    assert result.clean, result.problems
    assert result.runs == 4
    before = await everything(site)
    await site.queues("DELETE", "faults")
    await send_all_again(site)
    await site.idle()
    assert await everything(site) == before


async def everything(site: Site) -> tuple[object, ...]:
    runs = await site.fetch("SELECT * FROM run_metadata ORDER BY id")
    parts = await site.fetch("SELECT * FROM worker_runs ORDER BY id")
    return runs, parts, await snapshot(site), site.watermark()


async def send_all_again(site: Site) -> None:
    """Every message of every run, very late."""
    parts = await site.fetch("SELECT run_id, id AS partition_id, 'late' AS trace_id FROM worker_runs ORDER BY id")
    runs = await site.fetch("SELECT id AS run_id, 'late' AS trace_id FROM run_metadata ORDER BY id")
    await send(site, "work-items", [encode(msgspec.convert(part, WorkItem)) for part in parts])
    await send(site, "consolidate", [encode(msgspec.convert(run, Consolidate)) for run in runs])


async def test_invariant_06_last_partition_triggers_once_and_work_is_done_once(
    reference: Reference, site: Site
) -> None:
    await break_messages(site, duplicate=1.0, delay_seconds=0, reorder=False)
    site.processes.start(["consolidator-2"])
    try:
        (run,) = await site.complete()
        await equals_undisturbed_run(site, reference, run)
    finally:
        await site.processes.remove("consolidator-2")
    assert await total(site, REQUESTED) == 1
    booked = "after statement: book_batch"
    assert (await total(site, booked)) + site.processes.passed("consolidator-2")[booked] == BATCHES_OF_FIRST_RUN


async def test_invariant_06_trigger_is_sent_after_process_died_after_commit(reference: Reference, site: Site) -> None:
    for worker in WORKERS:
        site.processes.order(worker, [KillOrder("before send to consolidate", 1)])
    # Without the reconciler, no other process sends it at that moment.
    with site.processes.paused("reconciler"):
        (run,) = await site.complete()
    assert [death.where for death in site.processes.deaths()] == ["before send to consolidate (1)"]
    assert await total(site, REQUESTED) == 1
    await equals_undisturbed_run(site, reference, run)


async def test_paused_worker_with_lost_lease_writes_nothing(reference: Reference, site: Site) -> None:
    with ExitStack() as asleep:

        async def watch(run: Run | None, _scheduler: Child | None) -> None:
            at_work = site.processes.passed("worker-1")["before statement: stage_page"] > 0
            if run is not None and run.status == "running" and at_work and not frozen:
                frozen.append("worker-1")
                asleep.enter_context(site.processes.paused("worker-1"))

        frozen: list[str] = []
        (run,) = await site.complete(watch=watch)
        assert frozen
        pages = await site.value("SELECT sum(pages) FROM worker_runs")
    await equals_undisturbed_run(site, reference, run)
    assert await site.value("SELECT sum(pages) FROM worker_runs") == pages


async def test_lost_work_items_are_detected_and_sent_again(reference: Reference, site: Site) -> None:
    with site.processes.paused(*WORKERS):
        await site.scheduler().finish(seconds=60)
        await site.queues("POST", "drop")
    run = await site.ended()
    assert run.status == "completed"
    assert await total(site, "after send to work-items") > 0
    await equals_undisturbed_run(site, reference, run)


async def test_lost_trigger_is_detected_and_sent_again(reference: Reference, site: Site) -> None:
    await site.processes["consolidator"].kill()
    await site.scheduler().finish(seconds=60)
    await site.until(lambda queues: queues["consolidate"]["active"] > 0)
    await site.queues("POST", "drop")
    run = await site.ended()  # which restarts the consolidator
    assert run.status == "completed"
    assert await total(site, REQUESTED) == 1
    await equals_undisturbed_run(site, reference, run)


async def test_broker_may_stop_during_run_and_return_empty(reference: Reference, site: Site) -> None:
    broker = site.stack.broker
    assert broker is not None
    gone = asyncio.Event()

    async def watch(run: Run | None, _scheduler: Child | None) -> None:
        if run is not None and run.status == "running" and not gone.is_set():
            gone.set()
            await broker.kill()
            await asyncio.sleep(1)
            await broker.start()

    runs = await site.complete(watch=watch)
    assert gone.is_set()
    assert [run.status for run in runs] == ["completed"]
    await equals_undisturbed_run(site, reference, runs[-1])


async def test_invariant_12_poison_message_is_dead_lettered_with_reason(reference: Reference, site: Site) -> None:
    poison = [b"not json", b'{"type":"work-item","version":9}', b'{"type":"consolidate","version":1}']
    for queue in ("work-items", "consolidate"):
        await send(site, queue, poison[:2])
    (run,) = await site.complete()
    await equals_undisturbed_run(site, reference, run)
    for queue in ("work-items", "consolidate"):
        found = await dead_letters(site, queue)
        assert sorted(body_of(message) for message in found) == sorted(poison[:2])
        assert {message.dead_letter_reason for message in found} == {"UnreadableMessage"}
        assert all(message.dead_letter_error_description for message in found)


async def test_invariant_12_failing_message_is_dead_lettered_and_can_be_replayed() -> None:
    options = Options(stones=1200, max_deliveries=2, settings={"NIVODA_TRIES": "2"})
    always: list[dict[str, Any]] = [{"kind": "status", "status": 503, "operations": ["diamonds_by_query"]}]
    async with open_site(options) as site:
        await break_supplier(site, always)
        attempt = await site.attempt()
        assert attempt.run is not None
        assert attempt.run.status == "failed"
        assert "503" in (attempt.run.error_message or "")
        assert site.watermark() is None
        await site.idle()
        found = await dead_letters(site, "work-items")
        parts = await site.value("SELECT count(*) FROM worker_runs WHERE status = 'failed'")
        assert len(found) == parts > 1
        assert {message.dead_letter_reason for message in found} == {"SUPPLIER_ERROR"}

        await site.feed("DELETE", "faults")
        await site.output("retry", str(attempt.run.id))
        assert (await site.ended()).status == "completed"
        after_retry = await snapshot(site)
        assert not against_supplier(after_retry, await site.truth(), ())

        await send(site, "work-items", [body_of(message) for message in found])
        await site.idle()
        assert await snapshot(site) == after_retry
        assert await dead_letters(site, "work-items") == []
