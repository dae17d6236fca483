"""Dead letters, with the unmodified client and the broker."""

from collections.abc import AsyncIterator

import pytest_asyncio

from inventory.core.settings import Settings
from sandbox.broker import Broker as Bus
from sandbox.broker import QueueSettings
from sync.messaging.servicebus import ServiceBusBroker
from sync.ports import Replayed

QUEUE = "work-items"


@pytest_asyncio.fixture
async def bus() -> AsyncIterator[Bus]:
    async with Bus({QUEUE: QueueSettings(lock_seconds=10, max_delivery_count=3)}) as running:
        yield running


@pytest_asyncio.fixture
async def broker(bus: Bus) -> AsyncIterator[ServiceBusBroker]:
    settings = Settings.read(azure_service_bus_connection_string=bus.connection_string)
    async with ServiceBusBroker.open(settings.service_bus) as opened:
        yield opened


async def dead_letter_messages(broker: ServiceBusBroker, *bodies: bytes) -> None:
    await broker.send(QUEUE, bodies)
    async with broker.inbox(QUEUE) as inbox:
        for body in bodies:
            delivery = await inbox.receive(wait_seconds=5)
            assert delivery is not None
            await delivery.dead_letter("UnreadableMessage", f"not one of ours: {body.decode()}")


async def test_peek_leaves_dead_letters(broker: ServiceBusBroker, bus: Bus) -> None:
    letters = broker.dead_letters()
    assert await letters.peek(QUEUE, 10) == []
    await dead_letter_messages(broker, b"one", b"two", b"three")
    found = await letters.peek(QUEUE, 10)
    assert [letter.body for letter in found] == ["one", "two", "three"]
    assert await letters.peek(QUEUE, 10) == found
    assert (found[0].reason, found[0].description) == ("UnreadableMessage", "not one of ours: one")
    assert found[0].sent_at is not None
    assert [letter.body for letter in await letters.peek(QUEUE, 2)] == ["one", "two"]
    assert bus.counts()[QUEUE].dead_letter == 3


async def test_replayed_messages_are_redelivered_with_delivery_count_one(broker: ServiceBusBroker, bus: Bus) -> None:
    await dead_letter_messages(broker, b"one", b"two", b"three")
    assert await broker.dead_letters().replay(QUEUE, 2) == Replayed(2, [])
    counts = bus.counts()[QUEUE]
    assert (counts.active, counts.dead_letter) == (2, 1)
    async with broker.inbox(QUEUE) as inbox:
        for body in (b"one", b"two"):
            delivery = await inbox.receive(wait_seconds=5)
            assert delivery is not None
            assert (delivery.body, delivery.number) == (body, 1)
            await delivery.complete()


async def test_discarded_messages_are_gone(broker: ServiceBusBroker, bus: Bus) -> None:
    await dead_letter_messages(broker, b"one", b"two")
    assert await broker.dead_letters().discard(QUEUE, 100) == 2
    assert bus.counts()[QUEUE].dead_letter == 0
    assert bus.counts()[QUEUE].active == 0
