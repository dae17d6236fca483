"""Sending: messages arrive complete and in order, or are rejected."""

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
from tests.contract.broker.harness import EMPTY, TIMEOUT_SECONDS, BrokerHarness, receive, receive_one, texts

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_message_arrives_unchanged(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver = await harness.both(queue)
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
    assert abs(message.enqueued_time_utc - utc_now()) < timedelta(seconds=TIMEOUT_SECONDS)


async def test_list_of_messages_arrives_in_order(harness: BrokerHarness) -> None:
    sender, receiver = await harness.both(harness.queue())
    sent = [f"stone {number}" for number in range(250)]
    await sender.send_messages([ServiceBusMessage(text) for text in sent])
    assert texts(await receive(receiver, len(sent))) == sent


async def test_batch_up_to_size_limit_arrives(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender = await harness.sender(queue)
    batch = await sender.create_message_batch()
    assert batch.max_size_in_bytes == 256 * 1024
    for _ in range(26):
        batch.add_message(ServiceBusMessage(b"x" * 10_000))
    with pytest.raises(MessageSizeExceededError):
        batch.add_message(ServiceBusMessage(b"x" * 10_000))
    await sender.send_messages(batch)
    assert harness.counts(queue).active == 26


async def test_large_message_is_split_into_frames_and_arrives(harness: BrokerHarness) -> None:
    sender, receiver = await harness.both(harness.queue())
    body = bytes(range(256)) * 900
    await sender.send_messages(ServiceBusMessage(body))
    message = await receive_one(receiver)
    assert b"".join(message.body) == body
    await receiver.complete_message(message)


async def test_message_above_size_limit_is_rejected(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender = await harness.sender(queue)
    with pytest.raises(MessageSizeExceededError):
        await sender.send_messages(ServiceBusMessage(b"x" * 256 * 1024))
    assert harness.counts(queue) == EMPTY
    await sender.send_messages(ServiceBusMessage("small"))
    assert harness.counts(queue).active == 1


async def test_many_senders_send_concurrently_on_separate_links(harness: BrokerHarness) -> None:
    # Not on one link: since Python 3.12 the client then sends the current message again.
    queue = harness.queue()
    receiver = await harness.receiver(queue)
    senders = await asyncio.gather(*(harness.sender(queue) for _ in range(8)))
    sent = [f"stone {number}" for number in range(40)]

    async def send(number: int) -> None:
        for text in sent[number :: len(senders)]:
            await senders[number].send_messages(ServiceBusMessage(text))

    await asyncio.gather(*map(send, range(len(senders))))
    assert sorted(texts(await receive(receiver, len(sent)))) == sorted(sent)
    assert harness.counts(queue).active == 0


async def test_full_queue_rejects_whole_batch(harness: BrokerHarness) -> None:
    queue = harness.queue(QueueSettings(max_messages=2))
    sender = await harness.sender(queue)
    with pytest.raises(ServiceBusQuotaExceededError):
        await sender.send_messages([ServiceBusMessage("a") for _ in range(3)])
    assert harness.counts(queue) == EMPTY


async def test_unknown_queue_is_rejected(harness: BrokerHarness) -> None:
    refusals = await asyncio.gather(harness.sender("nowhere"), harness.receiver("nowhere"), return_exceptions=True)
    assert [type(refusal) for refusal in refusals] == [MessagingEntityNotFoundError] * 2
