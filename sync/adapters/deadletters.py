"""The dead letters of Service Bus queues: looked at without taking them, replayed, or thrown away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import ServiceBusError

from app.core.errors import BrokerUnavailable
from sync.ports import DeadLetter

_PAGE = 100
_TIMEOUT_SECONDS = 60.0
_WAIT_SECONDS = 3.0  # nothing more within this time: the queue is empty


class ServiceBusDeadLetters:
    """Each call opens a connection of its own: dead letters are rare, and so are those who look at them."""

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[ServiceBusClient]]) -> None:
        self._connect = connect

    async def peek(self, queue: str, limit: int) -> list[DeadLetter]:
        """The oldest dead letters of a queue; see `sync.ports.DeadLetters`."""
        found: list[DeadLetter] = []
        async with self._receiver(queue) as (_, receiver):
            following = 0
            while len(found) < limit:
                page = await receiver.peek_messages(
                    max_message_count=min(_PAGE, limit - len(found)),
                    sequence_number=following,
                    timeout=_TIMEOUT_SECONDS,
                )
                if not page:
                    break
                found += [_letter(queue, message) for message in page]
                following = found[-1].sequence_number + 1
        return found

    async def replay(self, queue: str, limit: int) -> int:
        """Send them to their queue again; see `sync.ports.DeadLetters`."""
        async with self._receiver(queue) as (client, receiver), client.get_queue_sender(queue) as sender:

            async def send_again(message: ServiceBusReceivedMessage) -> None:
                # Sent before it is settled: a crash in between leaves it twice, which is harmless, and never lost.
                await sender.send_messages(ServiceBusMessage(_body(message), content_type="application/json"))

            return await self._empty(receiver, limit, send_again)

    async def discard(self, queue: str, limit: int) -> int:
        """Throw them away; see `sync.ports.DeadLetters`."""
        async with self._receiver(queue) as (_, receiver):
            return await self._empty(receiver, limit, None)

    @staticmethod
    async def _empty(
        receiver: ServiceBusReceiver,
        limit: int,
        before: Callable[[ServiceBusReceivedMessage], Awaitable[None]] | None,
    ) -> int:
        done = 0
        while done < limit:
            messages = await receiver.receive_messages(
                max_message_count=min(_PAGE, limit - done), max_wait_time=_WAIT_SECONDS
            )
            if not messages:
                break
            for message in messages:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    if before is not None:
                        await before(message)
                    await receiver.complete_message(message)
                done += 1
        return done

    @asynccontextmanager
    async def _receiver(self, queue: str) -> AsyncIterator[tuple[ServiceBusClient, ServiceBusReceiver]]:
        try:
            async with (
                self._connect() as client,
                client.get_queue_receiver(
                    queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER, prefetch_count=0
                ) as receiver,
            ):
                yield client, receiver
        except (ServiceBusError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(f"The dead letters of {queue} can't be reached: {type(error).__name__}") from error


def _body(message: ServiceBusReceivedMessage) -> bytes:
    body = message.body
    return body if isinstance(body, bytes) else b"".join(body)


def _letter(queue: str, message: ServiceBusReceivedMessage) -> DeadLetter:
    return DeadLetter(
        queue=queue,
        sequence_number=message.sequence_number or 0,
        sent_at=message.enqueued_time_utc,
        reason=message.dead_letter_reason or "unknown",
        description=message.dead_letter_error_description or "",
        deliveries=message.delivery_count or 0,
        body=_body(message).decode(errors="replace"),
    )
