"""The dead letters of Service Bus queues: listed without taking them, replayed, or discarded."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import MessageLockLostError

from inventory.core.errors import BrokerUnavailable
from inventory.runs.dead_letters import DeadLetter
from sync.messaging.amqp_messages import body_of, printable
from sync.messaging.links import Link, LinkFailed, LinkTimeouts
from sync.ports import Replayed

Properties = dict[str | bytes, Any]

_PAGE = 100
_BROKER_PROPERTIES = "DeadLetter"
_WAIT_SECONDS = 3.0  # no further message within this time: the queue is empty


class ServiceBusDeadLetters:
    """Opens a connection for each call: dead letters are rare, and so are calls."""

    def __init__(self, client: ServiceBusClient, timeouts: LinkTimeouts) -> None:
        self._client = client
        self._timeouts = timeouts

    async def peek(self, queue: str, limit: int) -> list[DeadLetter]:
        """The oldest dead letters of a queue; see `sync.ports.DeadLetters`."""
        found: list[DeadLetter] = []
        async with self._receiver(queue) as receiver:
            following = 0
            while len(found) < limit:
                page = await self._peek(receiver, following, min(_PAGE, limit - len(found)))
                if not page:
                    break
                found += [_letter(queue, message) for message in page]
                # A message without a readable number does not end the list, and does not begin it again.
                following = max([following, *(letter.sequence_number for letter in found)]) + 1
        return found

    async def _peek(
        self, receiver: Link[ServiceBusReceiver], first: int, count: int
    ) -> list[ServiceBusReceivedMessage]:
        return await receiver.call(
            self._timeouts.receive,
            lambda handler: handler.peek_messages(max_message_count=count, sequence_number=first),
        )

    async def replay(self, queue: str, limit: int, numbers: Collection[int] | None = None) -> Replayed:
        """Send them to their queue again; see `sync.ports.DeadLetters`."""
        left: list[ServiceBusReceivedMessage] = []
        done = 0
        async with self._receiver(queue) as receiver, self._sender(queue) as sender:
            async with self._selected(receiver, limit, numbers) as messages:
                async for message in messages:
                    data = body_of(message).data
                    if data is None:
                        left.append(message)
                        continue
                    # Sent before it is settled: a crash in between leaves it twice, which is harmless, and never lost.
                    await self._send(sender, data, _business_properties(message))
                    await self._complete(receiver, message)
                    done += 1
            for message in left:
                await self._abandon(receiver, message)
        return Replayed(done, [_letter(queue, message) for message in left])

    async def discard(self, queue: str, limit: int, numbers: Collection[int] | None = None) -> int:
        """Discard them; see `sync.ports.DeadLetters`."""
        done = 0
        async with self._receiver(queue) as receiver, self._selected(receiver, limit, numbers) as messages:
            async for message in messages:
                await self._complete(receiver, message)
                done += 1
        return done

    @asynccontextmanager
    async def _selected(
        self, receiver: Link[ServiceBusReceiver], limit: int, numbers: Collection[int] | None
    ) -> AsyncIterator[AsyncIterator[ServiceBusReceivedMessage]]:
        """Receive messages and yield the selected ones. The others stay locked meanwhile, and are released at the end."""
        others: list[ServiceBusReceivedMessage] = []

        async def receive() -> AsyncIterator[ServiceBusReceivedMessage]:
            received, missing = 0, None if numbers is None else set(numbers)
            while received < limit and missing != set():
                page = await self._receive(receiver, limit - received)
                if not page:
                    return
                received += len(page)
                for message in page:
                    number = message.sequence_number or 0
                    if missing is None:
                        yield message
                    elif number in missing:
                        missing.remove(number)
                        yield message
                    else:
                        others.append(message)

        try:
            yield receive()
        finally:
            for message in others:
                with suppress(MessageLockLostError):  # it is available again already
                    await self._abandon(receiver, message)

    async def _receive(self, receiver: Link[ServiceBusReceiver], count: int) -> list[ServiceBusReceivedMessage]:
        return await receiver.call(
            _WAIT_SECONDS + self._timeouts.receive,
            lambda handler: handler.receive_messages(max_message_count=min(_PAGE, count), max_wait_time=_WAIT_SECONDS),
        )

    async def _send(self, sender: Link[ServiceBusSender], data: bytes, properties: Properties) -> None:
        message = ServiceBusMessage(data, content_type="application/json", application_properties=properties)
        await sender.call(self._timeouts.send, lambda handler: handler.send_messages(message))

    async def _complete(self, receiver: Link[ServiceBusReceiver], message: ServiceBusReceivedMessage) -> None:
        await receiver.call(self._timeouts.settle, lambda handler: handler.complete_message(message))

    async def _abandon(self, receiver: Link[ServiceBusReceiver], message: ServiceBusReceivedMessage) -> None:
        await receiver.call(self._timeouts.settle, lambda handler: handler.abandon_message(message))

    @asynccontextmanager
    async def _receiver(self, queue: str) -> AsyncIterator[Link[ServiceBusReceiver]]:
        link = Link(
            lambda: self._client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER, prefetch_count=0),
            self._timeouts,
        )
        try:
            await link.open()
            yield link
        except (LinkFailed, MessageLockLostError) as error:
            raise BrokerUnavailable(f"The dead letters of {queue} are not available: {error}") from error
        finally:
            await link.close()

    @asynccontextmanager
    async def _sender(self, queue: str) -> AsyncIterator[Link[ServiceBusSender]]:
        link = Link(lambda: self._client.get_queue_sender(queue), self._timeouts)
        try:
            await link.open()
            yield link
        finally:
            await link.close()


def _letter(queue: str, message: ServiceBusReceivedMessage) -> DeadLetter:
    body = body_of(message)
    return DeadLetter(
        queue=queue,
        sequence_number=message.sequence_number or 0,
        sent_at=_sent_at(message),
        reason=_property(message, "DeadLetterReason") or "unknown",
        description=_property(message, "DeadLetterErrorDescription"),
        deliveries=message.delivery_count or 0,
        body_type=body.type,
        body=body.text,
    )


def _business_properties(message: ServiceBusReceivedMessage) -> Properties:
    """The application properties of the sender, without those that the broker added with the dead letter."""
    properties = message.application_properties
    if not isinstance(properties, dict):
        return {}
    return {
        name: value
        for key, value in properties.items()
        if not (name := printable(key)).startswith(_BROKER_PROPERTIES) and isinstance(value, (str, int, float, bytes))
    }


def _sent_at(message: ServiceBusReceivedMessage) -> datetime | None:
    try:
        return message.enqueued_time_utc
    except (TypeError, ValueError, OverflowError):  # not a time
        return None


def _property(message: ServiceBusReceivedMessage, name: str) -> str:
    """An application property as text. A sender may have set it to a value of any type."""
    properties = message.application_properties
    if not isinstance(properties, dict):
        return ""
    return printable(properties.get(name.encode(), properties.get(name)))
