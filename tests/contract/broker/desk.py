"""A broker and the unmodified `azure-servicebus` client of it, and what tests of them have in common.

Opening and closing a link takes the client up to two seconds, so the tests of a file share both, every test has a queue of
its own, and the links are closed together at the end.
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

PATIENCE = 10  # seconds until a test gives up; nothing waits that long when all is well
EMPTY = Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=0)

_names = (f"queue-{number}" for number in count(1))


class Desk:
    """A broker, a client of it, and every link that a test opened."""

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
async def open_desk(broker: Broker) -> AsyncIterator[Desk]:
    client = ServiceBusClient.from_connection_string(
        broker.connection_string, retry_total=3, retry_backoff_factor=0.1, retry_backoff_max=1
    )
    desk = Desk(broker, client)
    try:
        yield desk
    finally:
        await desk.close()


async def receive(receiver: ServiceBusReceiver, count: int = 1) -> list[ServiceBusReceivedMessage]:
    """Exactly `count` messages, however many calls that takes. The wait covers a reconnection, so it is not short."""
    messages: list[ServiceBusReceivedMessage] = []
    async with asyncio.timeout(PATIENCE):
        while len(messages) < count:
            messages += await receiver.receive_messages(count - len(messages), max_wait_time=PATIENCE / 2)
    return messages


async def receive_one(receiver: ServiceBusReceiver) -> ServiceBusReceivedMessage:
    [message] = await receive(receiver)
    return message


def texts(messages: list[ServiceBusReceivedMessage]) -> list[str]:
    return [str(message) for message in messages]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the broker has no event for a test to wait on
            await asyncio.sleep(0.02)
