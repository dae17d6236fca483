"""Injected network faults and their removal."""

import pytest
from azure.servicebus import (
    ServiceBusMessage,
)

from sandbox.broker import Faults
from tests.contract.broker.harness import BrokerHarness, receive, texts

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_duplicate_fault_delivers_share_of_messages_twice(harness: BrokerHarness) -> None:
    queue = harness.queue()
    harness.broker.set_faults(queue, Faults(duplicate=0.5, seed=1))
    sender, receiver = await harness.both(queue)
    sent = [str(number) for number in range(20)]
    await sender.send_messages([ServiceBusMessage(text, message_id=text) for text in sent])
    arrived = harness.counts(queue).active
    assert 20 < arrived < 40
    messages = await receive(receiver, arrived)
    assert {message.message_id for message in messages} == set(sent)
    assert len({message.sequence_number for message in messages}) == arrived


async def test_delay_fault_delays_and_reorders(harness: BrokerHarness) -> None:
    queue = harness.queue()
    harness.broker.set_faults(queue, Faults(delay_seconds=1, reorder=True, seed=1))
    sender, receiver = await harness.both(queue)
    sent = [f"{number:02}" for number in range(20)]
    await sender.send_messages([ServiceBusMessage(text) for text in sent])
    assert harness.counts(queue).scheduled == 20
    received = texts(await receive(receiver, 20))
    assert received != sent
    assert sorted(received) == sent


async def test_removed_faults_deliver_each_message_once_without_delay(harness: BrokerHarness) -> None:
    queue = harness.queue()
    harness.broker.set_faults(queue, Faults(duplicate=1, delay_seconds=60))
    harness.broker.clear_faults()
    sender = await harness.sender(queue)
    await sender.send_messages(ServiceBusMessage("a"))
    assert harness.counts(queue).active == 1
