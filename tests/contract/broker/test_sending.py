"""What is sent arrives, whole and in its order, or is refused."""

import asyncio
from datetime import timedelta

import pytest
from azure.servicebus import (
    ServiceBusMessage,
)
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusQuotaExceededError,
)

from inventory.core.clock import utc_now
from sandbox.broker import QueueSettings
from tests.contract.broker.desk import EMPTY, PATIENCE, Desk, receive, receive_one, texts

pytestmark = pytest.mark.asyncio(loop_scope="module")


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


async def test_many_can_send_at_once_each_over_its_own_link(desk: Desk) -> None:
    # Over one link they may not: since Python 3.12 the client then sends again what it is just sending.
    queue = desk.queue()
    receiver = await desk.receiver(queue)
    senders = await asyncio.gather(*(desk.sender(queue) for _ in range(8)))
    sent = [f"stone {number}" for number in range(40)]

    async def send(number: int) -> None:
        for text in sent[number :: len(senders)]:
            await senders[number].send_messages(ServiceBusMessage(text))

    await asyncio.gather(*map(send, range(len(senders))))
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
