"""A network that is faulty on purpose, and mended."""

import pytest
from azure.servicebus import (
    ServiceBusMessage,
)

from sandbox.broker import Faults
from tests.contract.broker.desk import Desk, receive, texts

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
    desk.broker.clear_faults()
    sender = await desk.sender(queue)
    await sender.send_messages(ServiceBusMessage("a"))
    assert desk.counts(queue).active == 1
