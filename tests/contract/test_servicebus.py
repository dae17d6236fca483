"""Service Bus adapter of the pipeline: messages stay locked exactly as long as they are processed."""

from collections.abc import AsyncIterator

import pytest_asyncio

from inventory.core.settings import Settings
from sandbox.broker import Broker, Counts, QueueSettings
from sync.messaging.servicebus import ServiceBusBroker

QUEUE = "work-items"
LOCK_SECONDS = 1.6
SETTLED = Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=0)


@pytest_asyncio.fixture
async def bus() -> AsyncIterator[Broker]:
    async with Broker({QUEUE: QueueSettings(lock_seconds=LOCK_SECONDS, max_delivery_count=3)}) as running:
        yield running


@pytest_asyncio.fixture
async def broker(bus: Broker) -> AsyncIterator[ServiceBusBroker]:
    async with ServiceBusBroker.open(
        Settings.read(azure_service_bus_connection_string=bus.connection_string).service_bus
    ) as opened:
        yield opened


async def test_message_stays_locked_during_processing(bus: Broker, broker: ServiceBusBroker) -> None:
    await broker.send(QUEUE, [b"one"])
    async with broker.inbox(QUEUE) as inbox, broker.inbox(QUEUE) as other:
        delivery = await inbox.receive(wait_seconds=10)
        assert delivery is not None
        assert await other.receive(wait_seconds=2 * LOCK_SECONDS) is None
        await delivery.complete()
    assert (delivery.body, delivery.number) == (b"one", 1)
    assert bus.counts()[QUEUE] == SETTLED


async def test_abandoned_message_is_redelivered_and_bad_one_dead_lettered(
    bus: Broker, broker: ServiceBusBroker
) -> None:
    await broker.send(QUEUE, [b"one"])
    async with broker.inbox(QUEUE) as inbox:
        first = await inbox.receive(wait_seconds=10)
        assert first is not None
        await first.abandon()
        again = await inbox.receive(wait_seconds=10)
        assert again is not None
        assert again.number == 2
        await again.dead_letter("Bad", "x" * 10_000)
    (letter,) = await broker.dead_letters().peek(QUEUE, 10)
    assert (letter.reason, letter.body) == ("Bad", "one")
    assert bus.counts()[QUEUE].dead_letter == 1
