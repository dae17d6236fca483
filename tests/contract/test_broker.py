"""The broker as Service Bus clients know it: the unmodified `azure-servicebus` client, against the real thing on a port.

One broker and one client serve the whole file. Opening and closing a link takes the client up to two seconds, so every
test has a queue of its own, and the links are closed together at the end.
"""

import asyncio
import gc
import signal
import socket
import sys
import warnings
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any, Self

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from azure.servicebus import (
    ServiceBusClient as SyncClient,
)
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusQuotaExceededError,
)

from app.core.clock import utc_now
from sandbox.broker import Broker, Counts, Faults, QueueSettings
from sandbox.broker.frames import AMQP_HEADER, HEARTBEAT, Close, FrameReader, Open, write
from sandbox.broker.values import UInt

pytestmark = pytest.mark.asyncio(loop_scope="module")

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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk() -> AsyncIterator[Desk]:
    async with Broker({}) as broker, open_desk(broker) as desk:
        yield desk


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


# Sending


async def test_a_message_arrives_as_it_was_sent(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue)
    await sender.send_messages(
        ServiceBusMessage(
            b"a stone",
            message_id="stone-1",
            correlation_id="run-7",
            subject="stone",
            content_type="application/json",
            partition_key="round",
            application_properties={"carat": 1.5, "lab": False, "partition": 2_000_000_000, "shape": "ROUND"},
        )
    )
    message = await receive_one(receiver)
    assert b"".join(message.body) == b"a stone"
    assert (message.message_id, message.correlation_id, message.subject) == ("stone-1", "run-7", "stone")
    assert (message.content_type, message.partition_key) == ("application/json", "round")
    assert message.application_properties == {
        b"carat": 1.5,
        b"lab": False,
        b"partition": 2_000_000_000,
        b"shape": b"ROUND",
    }
    assert message.sequence_number == 1
    assert message.delivery_count == 0
    assert message.enqueued_time_utc is not None
    assert abs(message.enqueued_time_utc - utc_now()) < timedelta(seconds=PATIENCE)


async def test_a_list_of_messages_arrives_in_its_order(desk: Desk) -> None:
    sender, receiver = await desk.both(desk.queue())
    sent = [f"stone {number}" for number in range(250)]
    await sender.send_messages([ServiceBusMessage(text) for text in sent])
    assert texts(await receive(receiver, len(sent))) == sent


async def test_a_batch_is_filled_up_to_the_standard_tiers_size_and_arrives(desk: Desk) -> None:
    queue = desk.queue()
    sender = await desk.sender(queue)
    batch = await sender.create_message_batch()
    assert batch.max_size_in_bytes == 256 * 1024
    for _ in range(26):
        batch.add_message(ServiceBusMessage(b"x" * 10_000))
    with pytest.raises(MessageSizeExceededError):
        batch.add_message(ServiceBusMessage(b"x" * 10_000))
    await sender.send_messages(batch)
    assert desk.counts(queue).active == 26


async def test_a_large_message_survives_being_cut_into_frames(desk: Desk) -> None:
    sender, receiver = await desk.both(desk.queue())
    body = bytes(range(256)) * 900
    await sender.send_messages(ServiceBusMessage(body))
    message = await receive_one(receiver)
    assert b"".join(message.body) == body
    await receiver.complete_message(message)


async def test_a_message_above_the_standard_tiers_size_is_refused(desk: Desk) -> None:
    queue = desk.queue()
    sender = await desk.sender(queue)
    with pytest.raises(MessageSizeExceededError):
        await sender.send_messages(ServiceBusMessage(b"x" * 256 * 1024))
    assert desk.counts(queue) == EMPTY
    await sender.send_messages(ServiceBusMessage("small"))
    assert desk.counts(queue).active == 1


async def test_many_coroutines_can_send_over_one_link_at_once(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue)
    sent = [f"stone {number}" for number in range(40)]
    await asyncio.gather(*(sender.send_messages(ServiceBusMessage(text)) for text in sent))
    assert sorted(texts(await receive(receiver, len(sent)))) == sorted(sent)
    assert desk.counts(queue).active == 0


async def test_a_full_queue_refuses_the_whole_batch(desk: Desk) -> None:
    queue = desk.queue(QueueSettings(max_messages=2))
    sender = await desk.sender(queue)
    with pytest.raises(ServiceBusQuotaExceededError):
        await sender.send_messages([ServiceBusMessage("a") for _ in range(3)])
    assert desk.counts(queue) == EMPTY


async def test_there_is_no_queue_but_those_that_were_made(desk: Desk) -> None:
    refusals = await asyncio.gather(desk.sender("nowhere"), desk.receiver("nowhere"), return_exceptions=True)
    assert [type(refusal) for refusal in refusals] == [MessagingEntityNotFoundError] * 2


# Receiving and settling


async def test_a_completed_message_is_gone(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue)
    await sender.send_messages(ServiceBusMessage("a"))
    message = await receive_one(receiver)
    assert desk.counts(queue).locked == 1
    await receiver.complete_message(message)
    assert desk.counts(queue) == EMPTY


async def test_an_abandoned_message_comes_again_and_counts(desk: Desk) -> None:
    sender, receiver = await desk.both(desk.queue())
    await sender.send_messages(ServiceBusMessage("a"))
    for delivery in range(3):
        message = await receive_one(receiver)
        assert message.delivery_count == delivery
        await receiver.abandon_message(message)


async def test_a_deferred_message_waits_until_it_is_asked_for(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue)
    await sender.send_messages(ServiceBusMessage("a"))
    message = await receive_one(receiver)
    number = message.sequence_number
    assert number is not None
    await receiver.defer_message(message)
    assert desk.counts(queue).deferred == 1
    [deferred] = await receiver.receive_deferred_messages(number)
    assert (str(deferred), deferred.state) == ("a", ServiceBusMessageState.DEFERRED)
    assert desk.counts(queue).locked == 1
    await receiver.complete_message(deferred)
    assert desk.counts(queue) == EMPTY
    with pytest.raises(MessageNotFoundError):
        await receiver.receive_deferred_messages(number)


async def test_a_deferred_message_can_be_settled_in_every_way(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue)
    ways = (receiver.abandon_message, receiver.defer_message, receiver.dead_letter_message)
    await sender.send_messages([ServiceBusMessage(way.__name__) for way in ways])
    for message, settle in zip(await receive(receiver, len(ways)), ways, strict=True):
        number = message.sequence_number
        assert number is not None
        await receiver.defer_message(message)
        [deferred] = await receiver.receive_deferred_messages(number)
        await settle(deferred)
    assert desk.counts(queue) == Counts(active=0, locked=0, scheduled=0, deferred=2, dead_letter=1)


async def test_a_dead_letter_says_why_and_can_be_completed(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver, undertaker = await asyncio.gather(
        desk.sender(queue), desk.receiver(queue), desk.receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    )
    await sender.send_messages(ServiceBusMessage("a", application_properties={"partition": 4}))
    await receiver.dead_letter_message(await receive_one(receiver), "unreadable", "no carat")
    assert desk.counts(queue).dead_letter == 1
    dead = await receive_one(undertaker)
    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("unreadable", "no carat")
    assert dead.dead_letter_source == queue
    assert dead.application_properties == {
        b"partition": 4,
        b"DeadLetterReason": b"unreadable",
        b"DeadLetterErrorDescription": b"no carat",
    }
    await undertaker.complete_message(dead)
    assert desk.counts(queue) == EMPTY


async def test_a_poison_message_is_delivered_exactly_as_often_as_allowed(desk: Desk) -> None:
    queue = desk.queue(QueueSettings(max_delivery_count=4))
    sender, receiver, undertaker = await asyncio.gather(
        desk.sender(queue), desk.receiver(queue), desk.receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    )
    await sender.send_messages(ServiceBusMessage("poison"))
    deliveries = 0
    while desk.counts(queue).dead_letter == 0:
        await receiver.abandon_message(await receive_one(receiver))
        deliveries += 1
    assert deliveries == 4
    dead = await receive_one(undertaker)
    assert (str(dead), dead.dead_letter_reason) == ("poison", "MaxDeliveryCountExceeded")


async def test_receive_and_delete_leaves_nothing_behind(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    await sender.send_messages([ServiceBusMessage(text) for text in "abc"])
    messages = await receive(receiver, 3)
    assert texts(messages) == ["a", "b", "c"]
    assert messages[0].locked_until_utc is None
    assert desk.counts(queue) == EMPTY


async def test_a_receiver_that_waits_is_served_as_soon_as_a_message_comes(desk: Desk) -> None:
    sender, receiver = await desk.both(desk.queue())
    waiting = asyncio.create_task(receive_one(receiver))
    await asyncio.sleep(0.3)
    await sender.send_messages(ServiceBusMessage("a"))
    assert str(await waiting) == "a"


async def test_two_receivers_share_the_work(desk: Desk) -> None:
    queue = desk.queue()
    sender, one, other = await asyncio.gather(desk.sender(queue), desk.receiver(queue), desk.receiver(queue))
    shares = [asyncio.create_task(receive(receiver, 5)) for receiver in (one, other)]
    await asyncio.sleep(0.3)
    sent = [str(number) for number in range(10)]
    await sender.send_messages([ServiceBusMessage(text) for text in sent])
    assert sorted(texts([*await shares[0], *await shares[1]])) == sent


async def test_prefetched_messages_are_settled_one_by_one(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue, prefetch_count=50)
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(120)])
    for message in await receive(receiver, 120):
        await receiver.complete_message(message)
    assert desk.counts(queue) == EMPTY


async def test_what_a_closing_receiver_had_not_looked_at_is_not_counted_as_delivered(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue, prefetch_count=10)
    await sender.send_messages([ServiceBusMessage(text) for text in "abcd"])
    await receiver.complete_message(await receive_one(receiver))
    await receiver.close()
    assert desk.counts(queue).locked == 0
    again = await receive(await desk.receiver(queue), 3)
    assert [(str(message), message.delivery_count) for message in again] == [("b", 0), ("c", 0), ("d", 0)]


async def test_looking_at_messages_does_not_take_them(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue)
    assert await receiver.peek_messages(5) == []
    await sender.send_messages([ServiceBusMessage(text) for text in "abc"])
    await sender.schedule_messages(ServiceBusMessage("d"), utc_now() + timedelta(hours=1))
    seen = await receiver.peek_messages(10)
    assert [(str(each), each.sequence_number) for each in seen] == [("a", 1), ("b", 2), ("c", 3), ("d", 4)]
    assert [each.state for each in seen] == [*[ServiceBusMessageState.ACTIVE] * 3, ServiceBusMessageState.SCHEDULED]
    assert texts(await receiver.peek_messages(2, sequence_number=2)) == ["b", "c"]
    assert desk.counts(queue).active == 3


# Locks


async def test_when_a_lock_ends_another_receiver_gets_the_message(desk: Desk) -> None:
    queue = desk.queue(QueueSettings(lock_seconds=0.5))
    sender, one, other = await asyncio.gather(desk.sender(queue), desk.receiver(queue), desk.receiver(queue))
    await sender.send_messages(ServiceBusMessage("a"))
    lost = await receive_one(one)
    # One call, one grant of credit: the broker must act when the lock ends, with nobody asking again.
    [again] = await other.receive_messages(max_wait_time=PATIENCE)
    assert (again.sequence_number, again.delivery_count) == (lost.sequence_number, 1)
    with pytest.raises(MessageLockLostError):
        await one.complete_message(lost)
    await other.complete_message(again)
    assert desk.counts(queue) == EMPTY


async def test_eight_locks_are_renewed_at_once_over_one_connection(desk: Desk) -> None:
    queue = desk.queue(QueueSettings(lock_seconds=2))
    sender, receiver = await desk.both(queue)
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(8)])
    messages = await receive(receiver, 8)
    for _ in range(3):
        before = [message.locked_until_utc for message in messages]
        await asyncio.sleep(0.8)
        after = await asyncio.gather(*(receiver.renew_message_lock(message) for message in messages))
        assert all(new > old for new, old in zip(after, before, strict=True) if old is not None)
    assert desk.counts(queue).locked == 8
    await asyncio.gather(*(receiver.complete_message(message) for message in messages))
    assert desk.counts(queue) == EMPTY


async def test_renewals_and_dead_letters_do_not_disturb_each_other_on_one_connection(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue)
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(12)])
    messages = await receive(receiver, 12)
    async with asyncio.timeout(PATIENCE):
        # The client matches answers to questions by numbers that it and the broker give out each for itself.
        await asyncio.gather(
            *(receiver.dead_letter_message(message) for message in messages[:6]),
            *(receiver.renew_message_lock(message) for message in messages[6:]),
        )
    assert desk.counts(queue) == Counts(active=0, locked=6, scheduled=0, deferred=0, dead_letter=6)


async def test_the_automatic_renewal_keeps_a_message_far_beyond_one_lock(desk: Desk) -> None:
    queue = desk.queue(QueueSettings(lock_seconds=4, max_delivery_count=1))
    async with AutoLockRenewer(max_lock_renewal_duration=60) as renewer:
        sender, receiver = await desk.both(queue, auto_lock_renewer=renewer)
        await sender.send_messages(ServiceBusMessage("a"))
        message = await receive_one(receiver)
        await asyncio.sleep(5)
        assert desk.counts(queue).locked == 1
        await receiver.complete_message(message)
    assert desk.counts(queue) == EMPTY


Settlement = Callable[[ServiceBusReceiver, ServiceBusReceivedMessage], Awaitable[Any]]
SETTLEMENTS: dict[str, Settlement] = {
    "complete": ServiceBusReceiver.complete_message,
    "abandon": ServiceBusReceiver.abandon_message,
    "defer": ServiceBusReceiver.defer_message,
    "dead letter": ServiceBusReceiver.dead_letter_message,
    "renew": ServiceBusReceiver.renew_message_lock,
}


async def test_the_broker_itself_refuses_whoever_lost_the_lock() -> None:
    ahead = timedelta()
    # The client asks its own clock before it asks the broker; only a broker ahead of it gets to answer.
    async with (
        Broker({"stones": QueueSettings()}, clock=lambda: utc_now() + ahead) as broker,
        open_desk(broker) as desk,
    ):
        sender, receiver = await desk.both("stones")
        await sender.send_messages([ServiceBusMessage(name) for name in SETTLEMENTS])
        messages = await receive(receiver, len(SETTLEMENTS))
        ahead = timedelta(hours=1)
        for message, settle in zip(messages, SETTLEMENTS.values(), strict=True):
            with pytest.raises(MessageLockLostError):
                await settle(receiver, message)
        assert desk.counts("stones").active == len(SETTLEMENTS)


async def test_the_locks_of_a_client_that_was_killed_end_by_themselves(desk: Desk) -> None:
    queue = desk.queue(QueueSettings(lock_seconds=1.5))
    sender, receiver = await desk.both(queue)
    await sender.send_messages(ServiceBusMessage("a"))
    script = (
        "import sys, time; from azure.servicebus import ServiceBusClient\n"
        "client = ServiceBusClient.from_connection_string(sys.argv[1])\n"
        "message = client.get_queue_receiver(sys.argv[2]).receive_messages()[0]\n"
        "print(message, flush=True); time.sleep(600)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, desk.broker.connection_string, queue, stdout=PIPE
    )
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), PATIENCE) == b"a\n"
    finally:
        process.kill()
        await process.wait()
    assert desk.counts(queue).locked == 1
    assert (await receive_one(receiver)).delivery_count == 1


# Time


async def test_scheduled_messages_come_at_their_time(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue)
    due = utc_now() + timedelta(seconds=1)
    numbers = await sender.schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], due)
    await sender.send_messages(ServiceBusMessage("c", scheduled_enqueue_time_utc=due))
    assert desk.counts(queue).scheduled == 3
    messages = await receive(receiver, 3)
    assert utc_now() >= due
    assert texts(messages) == ["a", "b", "c"]
    assert [message.sequence_number for message in messages[:2]] == numbers


async def test_a_scheduled_message_can_be_withdrawn_once(desk: Desk) -> None:
    queue = desk.queue()
    sender = await desk.sender(queue)
    numbers = await sender.schedule_messages(ServiceBusMessage("a"), utc_now() + timedelta(hours=1))
    await sender.cancel_scheduled_messages(numbers)
    assert desk.counts(queue) == EMPTY
    with pytest.raises(MessageNotFoundError):
        await sender.cancel_scheduled_messages(numbers)


async def test_a_message_is_not_delivered_after_its_time_to_live(desk: Desk) -> None:
    queue = desk.queue()
    sender, receiver = await desk.both(queue)
    await sender.send_messages(
        [ServiceBusMessage("short", time_to_live=timedelta(seconds=1)), ServiceBusMessage("long")]
    )
    await until(lambda: desk.counts(queue).active == 1)
    assert texts(await receive(receiver)) == ["long"]


# Connections


@pytest.fixture
def forgotten_sockets() -> Iterator[None]:
    """The client lets go of a receiver's connection that broke without closing its socket, and Python warns of that."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed", ResourceWarning)
        yield
        gc.collect()


@pytest.mark.usefixtures("forgotten_sockets")
async def test_a_client_goes_on_after_the_broker_was_restarted() -> None:
    async with AsyncBrokers() as brokers:
        first = await brokers.start(0)
        async with open_desk(first) as desk:
            sender, receiver = await desk.both("stones")
            await sender.send_messages(ServiceBusMessage("lost"))
            await first.stop()
            second = await brokers.start(first.port)
            await sender.send_messages(ServiceBusMessage("kept"))
            message = await receive_one(receiver)
            assert str(message) == "kept"
            await receiver.complete_message(message)
            assert second.counts()["stones"] == EMPTY


@pytest.mark.usefixtures("forgotten_sockets")
async def test_a_client_goes_on_after_the_broker_dropped_everything() -> None:
    async with Broker({"stones": QueueSettings()}) as broker, open_desk(broker) as desk:
        sender, receiver = await desk.both("stones")
        await sender.send_messages([ServiceBusMessage("lost"), ServiceBusMessage("lost as well")])
        await receive_one(receiver)
        broker.drop()
        assert broker.counts()["stones"] == EMPTY
        await sender.send_messages(ServiceBusMessage("kept"))
        assert str(await receive_one(receiver)) == "kept"


class AsyncBrokers:
    """Brokers that follow one another."""

    def __init__(self) -> None:
        self._all: list[Broker] = []

    async def start(self, port: int) -> Broker:
        broker = Broker({"stones": QueueSettings()}, port=port)
        await broker.start()
        self._all.append(broker)
        return broker

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for broker in self._all:
            await broker.stop()


@asynccontextmanager
async def greeted(broker: Broker, opening: Open) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection that has said hello and not a word more."""
    reader, writer = await asyncio.open_connection(broker.host, broker.port)
    try:
        writer.write(AMQP_HEADER + write(opening))
        assert await reader.readexactly(8) == AMQP_HEADER
        size = int.from_bytes(await reader.readexactly(4), "big")
        await reader.readexactly(size - 4)
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_falls_silent_is_disconnected() -> None:
    async with Broker({}, idle_seconds=0.3) as broker, greeted(broker, Open("mute")) as (reader, _):
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""


async def test_a_client_that_only_keeps_the_connection_alive_stays() -> None:
    async with Broker({}, idle_seconds=0.3) as broker, greeted(broker, Open("patient")) as (reader, writer):
        for _ in range(8):
            writer.write(HEARTBEAT)
            await asyncio.sleep(0.1)
        writer.write(write(Close()))
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        assert [frame.performative for frame in FrameReader().feed(answer)] == [Close()]


async def test_a_client_that_wants_heartbeats_gets_them(desk: Desk) -> None:
    async with greeted(desk.broker, Open("anxious", idle_time_out=UInt(100))) as (reader, _):
        for _ in range(3):
            assert await asyncio.wait_for(reader.readexactly(8), PATIENCE) == HEARTBEAT


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9])
async def test_whoever_does_not_speak_amqp_is_shown_the_door(desk: Desk, noise: bytes) -> None:
    reader, writer = await asyncio.open_connection(desk.broker.host, desk.broker.port)
    writer.write(noise)
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    assert b"amqp:connection:framing-error" in answer
    writer.close()
    await writer.wait_closed()


async def test_the_synchronous_client_works_as_well(desk: Desk) -> None:
    queue = desk.queue()

    def work() -> list[int | None]:
        counts = []
        with (
            SyncClient.from_connection_string(desk.broker.connection_string) as client,
            client.get_queue_sender(queue) as sender,
            client.get_queue_receiver(queue) as receiver,
        ):
            sender.send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
            for settle in (receiver.abandon_message, receiver.complete_message, receiver.dead_letter_message):
                [message] = receiver.receive_messages(max_wait_time=PATIENCE)
                receiver.renew_message_lock(message)
                counts.append(message.delivery_count)
                settle(message)
        return counts

    assert await asyncio.to_thread(work) == [0, 1, 0]
    assert desk.counts(queue) == Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=1)


# Faults


async def test_a_faulty_network_delivers_a_share_of_the_messages_twice(desk: Desk) -> None:
    queue = desk.queue()
    desk.broker.plan(queue, Faults(duplicate=0.5, seed=1))
    sender, receiver = await desk.both(queue)
    sent = [str(number) for number in range(20)]
    await sender.send_messages([ServiceBusMessage(text, message_id=text) for text in sent])
    arrived = desk.counts(queue).active
    assert 20 < arrived < 40
    messages = await receive(receiver, arrived)
    assert {message.message_id for message in messages} == set(sent)
    assert len({message.sequence_number for message in messages}) == arrived


async def test_a_faulty_network_delays_and_reorders(desk: Desk) -> None:
    queue = desk.queue()
    desk.broker.plan(queue, Faults(delay_seconds=1, reorder=True, seed=1))
    sender, receiver = await desk.both(queue)
    sent = [f"{number:02}" for number in range(20)]
    await sender.send_messages([ServiceBusMessage(text) for text in sent])
    assert desk.counts(queue).scheduled == 20
    received = texts(await receive(receiver, 20))
    assert received != sent
    assert sorted(received) == sent


async def test_a_network_that_was_mended_delivers_each_message_once_and_at_once(desk: Desk) -> None:
    queue = desk.queue()
    desk.broker.plan(queue, Faults(duplicate=1, delay_seconds=60))
    desk.broker.heal()
    sender = await desk.sender(queue)
    await sender.send_messages(ServiceBusMessage("a"))
    assert desk.counts(queue).active == 1


# The process


@asynccontextmanager
async def broker_process(*arguments: str) -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    """`python -m sandbox.broker`, and what it logged when it began to listen."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.broker", "--port", "0", *arguments, stderr=PIPE
    )
    assert process.stderr is not None
    try:
        line = await asyncio.wait_for(process.stderr.readline(), PATIENCE)
        yield process, msgspec.json.decode(line)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_the_process_says_that_nothing_is_kept_and_stops_on_sigterm() -> None:
    async with broker_process("--queue", "stones", "--lock-seconds", "5") as (process, started):
        assert started["storage"] == "memory only"
        assert started["queues"] == ["stones"]
        connection_string = Broker({}, port=started["port"]).connection_string
        async with (
            ServiceBusClient.from_connection_string(connection_string) as client,
            client.get_queue_sender("stones") as sender,
        ):
            await sender.send_messages(ServiceBusMessage("a"))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_the_process_is_controlled_over_http_and_stops_on_sigterm() -> None:
    port = unused_port()
    arguments = ("--queue", "stones", "--max-delivery-count", "2", "--control-port", str(port))
    async with (
        broker_process(*arguments) as (process, started),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=aiohttp.ClientTimeout(PATIENCE)) as control,
    ):
        await until_listening(port)
        connection_string = Broker({}, port=started["port"]).connection_string

        async def counts() -> Counts:
            async with control.get("/queues") as answer:
                return msgspec.json.decode(await answer.read(), type=dict[str, Counts])["stones"]

        async def order(body: dict[str, object]) -> int:
            async with control.post("/faults", json=body) as answer:
                return answer.status

        async with (
            ServiceBusClient.from_connection_string(connection_string) as client,
            client.get_queue_sender("stones") as sender,
        ):
            assert await order({"queue": "stones", "duplicate": 1, "delay_seconds": 0, "reorder": False}) == 200
            assert await order({"queue": "nowhere"}) == 404
            assert await order({"queue": "stones", "duplicate": 2}) == 400
            assert await order({"queue": "stones", "typo": 2}) == 400
            await sender.send_messages(ServiceBusMessage("a"))
            assert (await counts()).active == 2
            async with control.delete("/faults") as answer:
                assert answer.status == 204
            await sender.send_messages(ServiceBusMessage("a"))
            assert (await counts()).active == 3
            async with control.post("/drop") as answer:
                assert answer.status == 204
            assert await counts() == EMPTY
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def until_listening(port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return
