"""A message is one receiver's for as long as its lock is kept."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusReceivedMessage,
)
from azure.servicebus.aio import AutoLockRenewer, ServiceBusReceiver
from azure.servicebus.exceptions import (
    MessageLockLostError,
)

from inventory.core.clock import utc_now
from sandbox.broker import Broker, Counts, QueueSettings
from tests.contract.broker.desk import EMPTY, PATIENCE, Desk, open_desk, receive, receive_one

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
