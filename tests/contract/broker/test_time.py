"""Scheduled messages and time to live."""

from datetime import timedelta

import pytest
from azure.servicebus import (
    ServiceBusMessage,
)
from azure.servicebus.exceptions import (
    MessageNotFoundError,
)

from inventory.core.clock import utc_now
from tests.contract.broker.harness import EMPTY, BrokerHarness, receive, texts, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_scheduled_messages_arrive_at_their_time(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver = await harness.both(queue)
    due = utc_now() + timedelta(seconds=1)
    numbers = await sender.schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], due)
    await sender.send_messages(ServiceBusMessage("c", scheduled_enqueue_time_utc=due))
    assert harness.counts(queue).scheduled == 3
    messages = await receive(receiver, 3)
    assert utc_now() >= due
    assert texts(messages) == ["a", "b", "c"]
    assert [message.sequence_number for message in messages[:2]] == numbers


async def test_scheduled_message_can_be_cancelled_once(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender = await harness.sender(queue)
    numbers = await sender.schedule_messages(ServiceBusMessage("a"), utc_now() + timedelta(hours=1))
    await sender.cancel_scheduled_messages(numbers)
    assert harness.counts(queue) == EMPTY
    with pytest.raises(MessageNotFoundError):
        await sender.cancel_scheduled_messages(numbers)


async def test_message_is_not_delivered_after_time_to_live(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver = await harness.both(queue)
    await sender.send_messages(
        [ServiceBusMessage("short", time_to_live=timedelta(seconds=1)), ServiceBusMessage("long")]
    )
    await until(lambda: harness.counts(queue).active == 1)
    assert texts(await receive(receiver)) == ["long"]
