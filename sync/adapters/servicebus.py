"""Azure Service Bus, through Microsoft's client.

The client's objects must not be shared between coroutines, so every inbox has a connection of its own, and one lock
lets only one of receiving, renewing and settling use it at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Self

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageSizeExceededError,
    ServiceBusError,
)

from app.core.errors import BrokerUnavailable
from app.core.logging import get_logger
from app.core.settings import Settings, SettingsError
from sync.adapters.deadletters import ServiceBusDeadLetters
from sync.ports import Delivery, Inbox

log = get_logger()

_TRIES = 3
_SEND_TIMEOUT_SECONDS = 30.0
_SETTLE_TIMEOUT_SECONDS = 30.0
_RENEW_TIMEOUT_SECONDS = 10.0
# On top of the time that a receive may wait: for opening the link, and for the client's own retries.
_RECEIVE_TIMEOUT_SECONDS = 60.0
_LONGEST_REASON = 4000  # characters; the broker refuses longer ones


class ServiceBusBroker:
    """The queues of one namespace."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._senders: dict[str, ServiceBusSender] = {}
        self._stack = AsyncExitStack()
        self._client: ServiceBusClient | None = None
        self._sending = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Self]:
        """The broker for the length of a `with`; connects on first use."""
        if settings.azure_service_bus_connection_string is None and settings.azure_service_bus_namespace is None:
            settings.need("azure_service_bus_connection_string")
        broker = cls(settings)
        async with broker._stack:
            yield broker

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[ServiceBusClient]:
        options: dict[str, Any] = {
            "retry_total": _TRIES,
            "retry_backoff_factor": 0.5,
            "retry_backoff_max": 5,
            "socket_timeout": 10,
        }
        if (text := self._settings.azure_service_bus_connection_string) is not None:
            try:
                client = ServiceBusClient.from_connection_string(text.get_secret_value(), **options)
            except ValueError:
                raise SettingsError(
                    "AZURE_SERVICE_BUS_CONNECTION_STRING: is not a connection string. "
                    "Example: Endpoint=sb://name.servicebus.windows.net/;SharedAccessKeyName=...;SharedAccessKey=..."
                ) from None
            async with client:
                yield client
            return
        # Imported where it is used: it costs every start a third of a second.
        from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

        async with (
            DefaultAzureCredential() as credential,
            ServiceBusClient(self._settings.need("azure_service_bus_namespace"), credential, **options) as client,
        ):
            yield client

    async def send(self, queue: str, bodies: Sequence[bytes]) -> None:
        """Send messages, in as few batches as fit; see `sync.ports.Broker`."""
        async with self._sending:
            try:
                async with asyncio.timeout(_SEND_TIMEOUT_SECONDS):
                    sender = await self._sender(queue)
                    await self._send_batches(sender, bodies)
            except (ServiceBusError, OSError, TimeoutError) as error:
                await self._forget(queue)
                raise BrokerUnavailable(f"Sending to {queue} failed: {type(error).__name__}") from error

    async def _sender(self, queue: str) -> ServiceBusSender:
        if self._client is None:
            self._client = await self._stack.enter_async_context(self._connect())
        if queue not in self._senders:
            self._senders[queue] = self._client.get_queue_sender(queue)
        return self._senders[queue]

    async def _forget(self, queue: str) -> None:
        """A sender that failed may be broken for good: the next send opens another one."""
        sender = self._senders.pop(queue, None)
        if sender is not None:
            with suppress(ServiceBusError, OSError, TimeoutError):
                async with asyncio.timeout(5):
                    await sender.close()

    @staticmethod
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

    def dead_letters(self) -> ServiceBusDeadLetters:
        """What was put aside in any of the queues."""
        return ServiceBusDeadLetters(self._connect)

    @asynccontextmanager
    async def inbox(self, queue: str) -> AsyncIterator[Inbox]:
        """A connection of its own to receive from a queue, opened again after it was lost."""
        inbox = ServiceBusInbox(self._connect, queue)
        try:
            yield inbox
        finally:
            await inbox.close()


class ServiceBusInbox:
    """One receiver on one connection, without prefetch: a message that waits here would lose its lock."""

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[ServiceBusClient]], queue: str) -> None:
        self._connect = connect
        self._queue = queue
        self._stack: AsyncExitStack | None = None
        self._receiver: ServiceBusReceiver | None = None
        self._using = asyncio.Lock()

    async def receive(self, *, wait_seconds: float) -> Delivery | None:
        """The next message, or None if none came in time; see `sync.ports.Inbox`."""
        try:
            receiver = await self._open()
            async with asyncio.timeout(wait_seconds + _RECEIVE_TIMEOUT_SECONDS), self._using:
                messages = await receiver.receive_messages(max_message_count=1, max_wait_time=wait_seconds)
        except (ServiceBusError, OSError, TimeoutError) as error:
            await self.close()
            raise BrokerUnavailable(f"Receiving from {self._queue} failed: {type(error).__name__}") from error
        return ServiceBusDelivery(receiver, messages[0], self._using) if messages else None

    async def _open(self) -> ServiceBusReceiver:
        if self._receiver is None:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(self._connect())
                self._receiver = client.get_queue_receiver(self._queue, prefetch_count=0)
                await stack.enter_async_context(self._receiver)
                self._stack = stack.pop_all()
        return self._receiver

    async def close(self) -> None:
        """Let go of the connection; the next receive opens another one."""
        stack, self._stack, self._receiver = self._stack, None, None
        if stack is not None:
            with suppress(ServiceBusError, OSError, TimeoutError):
                async with asyncio.timeout(10):
                    await stack.aclose()


class ServiceBusDelivery:
    """A received message whose lock is renewed until it is settled."""

    def __init__(self, receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage, using: asyncio.Lock) -> None:
        self._receiver = receiver
        self._message = message
        self._using = using
        self._settling = asyncio.Event()
        self._renewal = asyncio.create_task(self._keep_locked())

    @property
    def body(self) -> bytes:
        """What was sent."""
        body = self._message.body
        return body if isinstance(body, bytes) else b"".join(body)

    @property
    def number(self) -> int:
        """1 for the first delivery."""
        return (self._message.delivery_count or 0) + 1

    async def complete(self) -> None:
        """Remove it from the queue."""
        await self._settle(lambda: self._receiver.complete_message(self._message))

    async def abandon(self) -> None:
        """Give it back; counts as a delivery."""
        await self._settle(lambda: self._receiver.abandon_message(self._message))

    async def dead_letter(self, reason: str, description: str) -> None:
        """Move it to the dead-letter queue."""
        short = description[:_LONGEST_REASON]
        await self._settle(
            lambda: self._receiver.dead_letter_message(self._message, reason=reason, error_description=short)
        )

    async def _settle(self, how: Callable[[], Awaitable[None]]) -> None:
        # The renewal is asked to end, not cancelled: where the client is reading it may swallow a cancellation, and the
        # lock would be renewed for ever; or it leaves half a frame behind, and the settlement is not understood.
        self._settling.set()
        await asyncio.wait({self._renewal})
        try:
            async with asyncio.timeout(_SETTLE_TIMEOUT_SECONDS), self._using:
                await how()
        except (ServiceBusError, OSError, TimeoutError, ValueError) as error:
            # The lock or the connection was lost: the message comes again, which every handler is made for.
            log.warning("message not settled", error=type(error).__name__)

    async def _keep_locked(self) -> None:
        while (until := self._message.locked_until_utc) is not None:
            left = (until.astimezone(UTC) - datetime.now(UTC)).total_seconds()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(left / 3, 0.5)):
                    await self._settling.wait()
            if self._settling.is_set():
                return
            try:
                async with asyncio.timeout(_RENEW_TIMEOUT_SECONDS), self._using:
                    await self._receiver.renew_message_lock(self._message)
            except MessageLockLostError:
                log.warning("message lock lost")
                return
            except (ServiceBusError, OSError, TimeoutError, ValueError) as error:
                log.warning("message lock not renewed", error=type(error).__name__)
