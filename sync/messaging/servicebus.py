"""Azure Service Bus, through Microsoft's client.

The client's objects must not be shared between coroutines, so every inbox has a separate connection. A process keeps at most one
sender open: the broker limits connections, Microsoft's emulator to 10.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from azure.core.credentials_async import AsyncTokenCredential
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError

from inventory.core.errors import BrokerUnavailable
from inventory.core.logging import get_logger
from inventory.core.settings import SettingsError
from inventory.core.settings.service_bus import ServiceBusSettings
from inventory.core.telemetry.spans import span
from sync.messaging import amqp_messages
from sync.messaging.dead_letters import ServiceBusDeadLetters
from sync.messaging.inbox import ServiceBusInbox
from sync.messaging.links import Link, LinkFailed, LinkTimeouts
from sync.ports import Inbox

log = get_logger()

_OPTIONS: dict[str, Any] = {
    "retry_total": 3,
    "retry_backoff_factor": 0.5,
    "retry_backoff_max": 5,
    "socket_timeout": 10,
}


class ServiceBusBroker:
    """The queues of one namespace."""

    def __init__(self, client: ServiceBusClient, timeouts: LinkTimeouts) -> None:
        self._client = client
        self._timeouts = timeouts
        self._sending = asyncio.Lock()
        self._sender: tuple[str, Link[ServiceBusSender]] | None = None
        self._sent_at = 0.0

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: ServiceBusSettings,
        credential: AsyncTokenCredential | None = None,
        *,
        timeouts: LinkTimeouts | None = None,
        **options: Any,
    ) -> AsyncIterator[Self]:
        """The broker for the length of a `with`; connects on first use. `options` go to the client.

        Raises:
            SettingsError: neither a connection string nor a namespace is set.
        """
        amqp_messages.install()
        broker = cls(_client(settings, credential, options), timeouts or LinkTimeouts())
        try:
            yield broker
        finally:
            await broker._close_sender()

    async def send(self, queue: str, bodies: Sequence[bytes]) -> None:
        """Send messages, in as few batches as fit; see `sync.ports.Broker`."""
        attributes = {
            "messaging.system": "servicebus",
            "messaging.operation.name": "send",
            "messaging.destination.name": queue,
            "messaging.batch.message_count": len(bodies),
        }
        with span(f"send {queue}", "producer", attributes):
            await self._send(queue, bodies)

    async def _send(self, queue: str, bodies: Sequence[bytes]) -> None:
        async with self._sending:
            try:
                link = await self._open_sender(queue)
                await link.call(self._timeouts.send, lambda sender: _send_batches(sender, bodies))
            except LinkFailed as error:
                await self._close_sender()
                raise BrokerUnavailable(f"Sending to {queue} failed: {error}") from error
            except asyncio.CancelledError:
                await self._close_sender()
                raise
            self._sent_at = time.monotonic()

    async def _open_sender(self, queue: str) -> Link[ServiceBusSender]:
        if self._sender is not None:
            open_queue, link = self._sender
            if open_queue == queue and time.monotonic() - self._sent_at < self._timeouts.idle:
                return link
            await self._close_sender()
        link = Link(lambda: self._client.get_queue_sender(queue), self._timeouts)
        self._sender = queue, link
        await link.open()
        return link

    async def _close_sender(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            await sender[1].close()

    async def probe(self, queue: str) -> bool:
        """Check that messages can be sent to a queue and received from it. True if messages wait. None is removed.

        Raises:
            BrokerUnavailable: the broker does not answer, or refuses one of both.
        """
        sender = Link(lambda: self._client.get_queue_sender(queue), self._timeouts)
        receiver = Link(lambda: self._client.get_queue_receiver(queue, prefetch_count=0), self._timeouts)
        try:
            await sender.open()
            await receiver.open()
            waiting = await receiver.call(
                self._timeouts.receive, lambda handler: handler.peek_messages(max_message_count=1)
            )
        except LinkFailed as error:
            raise BrokerUnavailable(f"The queue {queue} is not available: {error}") from error
        finally:
            await sender.close()
            await receiver.close()
        return bool(waiting)

    def dead_letters(self) -> ServiceBusDeadLetters:
        """The dead letters of all queues."""
        return ServiceBusDeadLetters(self._client, self._timeouts)

    @asynccontextmanager
    async def inbox(self, queue: str) -> AsyncIterator[Inbox]:
        """Open an inbox with a separate connection, which is opened again after a loss."""
        inbox = ServiceBusInbox(lambda: self._client.get_queue_receiver(queue, prefetch_count=0), queue, self._timeouts)
        try:
            yield inbox
        finally:
            await inbox.close()


def _client(
    settings: ServiceBusSettings, credential: AsyncTokenCredential | None, options: dict[str, Any]
) -> ServiceBusClient:
    """Return the client, which makes senders and receivers. Each of them has its own connection; the client has none."""
    namespace = settings.namespace
    if settings.connection_string is None and namespace is not None and credential is not None:
        return ServiceBusClient(namespace, credential, **_OPTIONS | options)
    text = settings.need("connection_string")
    try:
        return ServiceBusClient.from_connection_string(text, **_OPTIONS | options)
    except ValueError:
        raise SettingsError(
            "AZURE_SERVICE_BUS_CONNECTION_STRING: is not a connection string. "
            "Example: Endpoint=sb://name.servicebus.windows.net/;SharedAccessKeyName=...;SharedAccessKey=..."
        ) from None


async def _send_batches(sender: ServiceBusSender, bodies: Sequence[bytes]) -> None:
    batch = await sender.create_message_batch()
    for body in bodies:
        message = ServiceBusMessage(body, content_type="application/json")
        try:
            batch.add_message(message)
        except MessageSizeExceededError:
            await sender.send_messages(batch)
            batch = await sender.create_message_batch()
            batch.add_message(message)
    if len(batch):
        await sender.send_messages(batch)
