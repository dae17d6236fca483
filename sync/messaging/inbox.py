"""Receiving from a Service Bus queue: an inbox that renews its connection, and deliveries that stay locked until settled."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessageLockLostError

from inventory.core.errors import BrokerUnavailable
from inventory.core.logging import get_logger
from sync.messaging.amqp_messages import body_of
from sync.messaging.links import Link, LinkFailed, LinkTimeouts
from sync.messaging.messages import UnreadableMessage
from sync.ports import ReceivedMessage

log = get_logger()

_MAX_REASON_LENGTH = 4000  # characters; the broker refuses longer ones
_BEYOND_EVERY_MESSAGE = 2**63 - 1  # a sequence number
# An empty answer in a smaller part of the time that the receive may wait comes from a link that is closed.
_EARLY = 0.5


class ServiceBusInbox:
    """One receiver on one connection, without prefetch: a message that waits here would lose its lock.

    The client does not notice that its peer has gone silent: each receive ends without a message, as on an empty queue. An inbox
    that stays without a sign of life therefore asks the broker for one, and opens another connection if none comes.
    """

    def __init__(self, make: Callable[[], ServiceBusReceiver], queue: str, timeouts: LinkTimeouts) -> None:
        self._make = make
        self._queue = queue
        self._timeouts = timeouts
        self._link: Link[ServiceBusReceiver] | None = None
        self._alive_at = 0.0
        self._using = asyncio.Lock()

    async def receive(self, *, wait_seconds: float) -> ReceivedMessage | None:
        """The next message, or None if none came in time; see `sync.ports.Inbox`."""
        try:
            link = await self._open()
            message = await self._receive(link, wait_seconds)
        except LinkFailed as error:
            await self.close()
            raise BrokerUnavailable(f"Receiving from {self._queue} failed: {error}") from error
        except asyncio.CancelledError:
            # A frame may have been read in part.
            await self.close()
            raise
        return ServiceBusMessage(link, message, self._using, self._timeouts) if message else None

    async def _open(self) -> Link[ServiceBusReceiver]:
        if self._link is not None and self._link.broken:
            await self.close()
        if self._link is None:
            self._link = Link(self._make, self._timeouts)
            await self._link.open()
            self._alive_at = time.monotonic()
        return self._link

    async def _receive(self, link: Link[ServiceBusReceiver], wait_seconds: float) -> ServiceBusReceivedMessage | None:
        began = time.monotonic()
        async with self._using:
            messages = await link.call(
                wait_seconds + self._timeouts.receive,
                lambda receiver: receiver.receive_messages(max_message_count=1, max_wait_time=wait_seconds),
            )
            now = time.monotonic()
            if messages:
                self._alive_at = now
                return messages[0]
            if now - began < _EARLY * wait_seconds or now - self._alive_at > self._timeouts.silence:
                await self._probe(link)
        return None

    async def _probe(self, link: Link[ServiceBusReceiver]) -> None:
        """Ask for messages beyond the last one: the answer is empty, and it is an answer."""
        await link.call(
            self._timeouts.probe,
            lambda receiver: receiver.peek_messages(max_message_count=1, sequence_number=_BEYOND_EVERY_MESSAGE),
        )
        self._alive_at = time.monotonic()

    async def close(self) -> None:
        """Close the connection; the next receive opens another one."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()


class ServiceBusMessage:
    """A received message whose lock is renewed until it is settled."""

    def __init__(
        self,
        link: Link[ServiceBusReceiver],
        message: ServiceBusReceivedMessage,
        using: asyncio.Lock,
        timeouts: LinkTimeouts,
    ) -> None:
        self._link = link
        self._message = message
        self._using = using
        self._timeouts = timeouts
        self._settling = asyncio.Event()
        self._renewal = asyncio.create_task(self._keep_locked())

    @property
    def body(self) -> bytes:
        """The body as it was sent; see `sync.ports.ReceivedMessage`."""
        body = body_of(self._message)
        if body.data is None:
            raise UnreadableMessage(f"The message's body is of the type {body.type}, not data: {body.text}")
        return body.data

    @property
    def number(self) -> int:
        """1 for the first delivery."""
        return (self._message.delivery_count or 0) + 1

    async def complete(self) -> None:
        """Remove it from the queue."""
        await self._settle(lambda receiver: receiver.complete_message(self._message))

    async def abandon(self) -> None:
        """Give it back; counts as a delivery."""
        await self._settle(lambda receiver: receiver.abandon_message(self._message))

    async def dead_letter(self, reason: str, description: str) -> None:
        """Move it to the dead-letter queue."""
        short = description[:_MAX_REASON_LENGTH]
        await self._settle(
            lambda receiver: receiver.dead_letter_message(self._message, reason=reason, error_description=short)
        )

    async def _settle(self, how: Callable[[ServiceBusReceiver], Awaitable[None]]) -> None:
        # The event ends the renewal, not a cancellation: while the client is reading it may swallow a cancellation, and the
        # lock would be renewed without end; or it leaves half a frame behind, and the settlement is not understood.
        self._settling.set()
        await asyncio.wait({self._renewal})
        try:
            async with self._using:
                await self._link.call(self._timeouts.settle, how)
        except (LinkFailed, MessageLockLostError) as error:
            # The lock or the connection was lost: the message comes again, which every handler is made for.
            log.warning("message_not_settled", error=str(error))

    async def _keep_locked(self) -> None:
        while (until := self._message.locked_until_utc) is not None:
            left = (until.astimezone(UTC) - datetime.now(UTC)).total_seconds()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(left / 3, 0.5)):
                    await self._settling.wait()
            if self._settling.is_set() or self._link.broken:
                return
            try:
                async with self._using:
                    await self._link.call(
                        self._timeouts.renew, lambda receiver: receiver.renew_message_lock(self._message)
                    )
            except MessageLockLostError:
                log.warning("message_lock_lost")
                return
            except LinkFailed as error:
                log.warning("message_lock_not_renewed", error=str(error))
