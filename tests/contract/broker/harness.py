"""Broker and unmodified `azure-servicebus` client for tests.

Opening and closing a link takes the client up to two seconds. The tests of a file share broker and client, every test
has its own queue, and all links are closed together at the end.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from azure.servicebus import (
    ServiceBusReceivedMessage,
)
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from sandbox.broker import Broker, Counts, QueueSettings

TIMEOUT_SECONDS = 10  # upper limit of every wait; a successful test does not reach it
EMPTY = Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=0)

_names = (f"queue-{number}" for number in count(1))


class BrokerHarness:
    """A broker, its client, and every link that a test opened."""

    def __init__(self, broker: Broker, client: ServiceBusClient) -> None:
        self.broker = broker
        self.client = client
        self._links: list[ServiceBusSender | ServiceBusReceiver] = []

    def queue(self, settings: QueueSettings | None = None) -> str:
        name = next(_names)
        self.broker.create_queue(name, settings or QueueSettings())
        return name

    def counts(self, queue: str) -> Counts:
        return self.broker.counts()[queue]

    async def sender(self, queue: str) -> ServiceBusSender:
        sender = self.client.get_queue_sender(queue)
        self._links.append(sender)
        return await sender.__aenter__()

    async def receiver(self, queue: str, **options: Any) -> ServiceBusReceiver:
        receiver = self.client.get_queue_receiver(queue, **options)
        self._links.append(receiver)
        return await receiver.__aenter__()

    async def both(self, queue: str, **options: Any) -> tuple[ServiceBusSender, ServiceBusReceiver]:
        return await asyncio.gather(self.sender(queue), self.receiver(queue, **options))

    async def close(self) -> None:
        await asyncio.gather(*(link.close() for link in self._links))
        await self.client.close()


@asynccontextmanager
async def open_harness(broker: Broker) -> AsyncIterator[BrokerHarness]:
    client = ServiceBusClient.from_connection_string(
        broker.connection_string, retry_total=3, retry_backoff_factor=0.1, retry_backoff_max=1
    )
    harness = BrokerHarness(broker, client)
    try:
        yield harness
    finally:
        await harness.close()


async def receive(receiver: ServiceBusReceiver, count: int = 1) -> list[ServiceBusReceivedMessage]:
    """Receive exactly `count` messages, in as many calls as necessary. The timeout covers a reconnection."""
    messages: list[ServiceBusReceivedMessage] = []
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while len(messages) < count:
            messages += await receiver.receive_messages(count - len(messages), max_wait_time=TIMEOUT_SECONDS / 2)
    return messages


async def receive_one(receiver: ServiceBusReceiver) -> ServiceBusReceivedMessage:
    [message] = await receive(receiver)
    return message


def texts(messages: list[ServiceBusReceivedMessage]) -> list[str]:
    return [str(message) for message in messages]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():  # noqa: ASYNC110 - the broker has no event for a test to wait on
            await asyncio.sleep(0.02)
