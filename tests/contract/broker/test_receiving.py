"""Settlement of received messages."""

import asyncio
from datetime import timedelta

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import (
    MessageNotFoundError,
)

from inventory.core.clock import utc_now
from sandbox.broker import Counts, QueueSettings
from tests.contract.broker.harness import EMPTY, BrokerHarness, receive, receive_one, texts

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_completed_message_is_gone(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver = await harness.both(queue)
    await sender.send_messages(ServiceBusMessage("a"))
    message = await receive_one(receiver)
    assert harness.counts(queue).locked == 1
    await receiver.complete_message(message)
    assert harness.counts(queue) == EMPTY


async def test_abandoned_message_is_redelivered_and_counted(harness: BrokerHarness) -> None:
    sender, receiver = await harness.both(harness.queue())
    await sender.send_messages(ServiceBusMessage("a"))
    for delivery in range(3):
        message = await receive_one(receiver)
        assert message.delivery_count == delivery
        await receiver.abandon_message(message)


async def test_deferred_message_is_received_on_request_only(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver = await harness.both(queue)
    await sender.send_messages(ServiceBusMessage("a"))
    message = await receive_one(receiver)
    number = message.sequence_number
    assert number is not None
    await receiver.defer_message(message)
    assert harness.counts(queue).deferred == 1
    [deferred] = await receiver.receive_deferred_messages(number)
    assert (str(deferred), deferred.state) == ("a", ServiceBusMessageState.DEFERRED)
    assert harness.counts(queue).locked == 1
    await receiver.complete_message(deferred)
    assert harness.counts(queue) == EMPTY
    with pytest.raises(MessageNotFoundError):
        await receiver.receive_deferred_messages(number)


async def test_deferred_message_can_be_settled_in_every_way(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver = await harness.both(queue)
    ways = (receiver.abandon_message, receiver.defer_message, receiver.dead_letter_message)
    await sender.send_messages([ServiceBusMessage(way.__name__) for way in ways])
    for message, settle in zip(await receive(receiver, len(ways)), ways, strict=True):
        number = message.sequence_number
        assert number is not None
        await receiver.defer_message(message)
        [deferred] = await receiver.receive_deferred_messages(number)
        await settle(deferred)
    assert harness.counts(queue) == Counts(active=0, locked=0, scheduled=0, deferred=2, dead_letter=1)


async def test_dead_letter_has_reason_and_can_be_completed(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver, undertaker = await asyncio.gather(
        harness.sender(queue),
        harness.receiver(queue),
        harness.receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER),
    )
    await sender.send_messages(ServiceBusMessage("a", application_properties={"partition": 4}))
    await receiver.dead_letter_message(await receive_one(receiver), "unreadable", "no carat")
    assert harness.counts(queue).dead_letter == 1
    dead = await receive_one(undertaker)
    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("unreadable", "no carat")
    assert dead.dead_letter_source == queue
    assert dead.application_properties == {
        b"partition": 4,
        b"DeadLetterReason": b"unreadable",
        b"DeadLetterErrorDescription": b"no carat",
    }
    await undertaker.complete_message(dead)
    assert harness.counts(queue) == EMPTY


async def test_poison_message_is_delivered_max_delivery_count_times(harness: BrokerHarness) -> None:
    queue = harness.queue(QueueSettings(max_delivery_count=4))
    sender, receiver, undertaker = await asyncio.gather(
        harness.sender(queue),
        harness.receiver(queue),
        harness.receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER),
    )
    await sender.send_messages(ServiceBusMessage("poison"))
    deliveries = 0
    while harness.counts(queue).dead_letter == 0:
        await receiver.abandon_message(await receive_one(receiver))
        deliveries += 1
    assert deliveries == 4
    dead = await receive_one(undertaker)
    assert (str(dead), dead.dead_letter_reason) == ("poison", "MaxDeliveryCountExceeded")


async def test_receive_and_delete_leaves_no_message(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver = await harness.both(queue, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    await sender.send_messages([ServiceBusMessage(text) for text in "abc"])
    messages = await receive(receiver, 3)
    assert texts(messages) == ["a", "b", "c"]
    assert messages[0].locked_until_utc is None
    assert harness.counts(queue) == EMPTY


async def test_waiting_receiver_is_served_when_message_arrives(harness: BrokerHarness) -> None:
    sender, receiver = await harness.both(harness.queue())
    waiting = asyncio.create_task(receive_one(receiver))
    await asyncio.sleep(0.3)
    await sender.send_messages(ServiceBusMessage("a"))
    assert str(await waiting) == "a"


async def test_two_receivers_share_messages(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, one, other = await asyncio.gather(harness.sender(queue), harness.receiver(queue), harness.receiver(queue))
    shares = [asyncio.create_task(receive(receiver, 5)) for receiver in (one, other)]
    await asyncio.sleep(0.3)
    sent = [str(number) for number in range(10)]
    await sender.send_messages([ServiceBusMessage(text) for text in sent])
    assert sorted(texts([*await shares[0], *await shares[1]])) == sent


async def test_prefetched_messages_are_settled_individually(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver = await harness.both(queue, prefetch_count=50)
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(120)])
    for message in await receive(receiver, 120):
        await receiver.complete_message(message)
    assert harness.counts(queue) == EMPTY


async def test_unread_messages_of_closing_receiver_are_not_counted(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver = await harness.both(queue, prefetch_count=10)
    await sender.send_messages([ServiceBusMessage(text) for text in "abcd"])
    await receiver.complete_message(await receive_one(receiver))
    await receiver.close()
    assert harness.counts(queue).locked == 0
    again = await receive(await harness.receiver(queue), 3)
    assert [(str(message), message.delivery_count) for message in again] == [("b", 0), ("c", 0), ("d", 0)]


async def test_peek_does_not_lock_messages(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver = await harness.both(queue)
    assert await receiver.peek_messages(5) == []
    await sender.send_messages([ServiceBusMessage(text) for text in "abc"])
    await sender.schedule_messages(ServiceBusMessage("d"), utc_now() + timedelta(hours=1))
    seen = await receiver.peek_messages(10)
    assert [(str(each), each.sequence_number) for each in seen] == [("a", 1), ("b", 2), ("c", 3), ("d", 4)]
    assert [each.state for each in seen] == [*[ServiceBusMessageState.ACTIVE] * 3, ServiceBusMessageState.SCHEDULED]
    assert texts(await receiver.peek_messages(2, sequence_number=2)) == ["b", "c"]
    assert harness.counts(queue).active == 3
