"""Message locks: exclusive while they are kept."""

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
from tests.contract.broker.harness import EMPTY, TIMEOUT_SECONDS, BrokerHarness, open_harness, receive, receive_one

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_message_is_redelivered_when_lock_expires(harness: BrokerHarness) -> None:
    queue = harness.queue(QueueSettings(lock_seconds=0.5))
    sender, one, other = await asyncio.gather(harness.sender(queue), harness.receiver(queue), harness.receiver(queue))
    await sender.send_messages(ServiceBusMessage("a"))
    lost = await receive_one(one)
    # One call grants credit once: the broker must redeliver when the lock expires, without another request.
    [again] = await other.receive_messages(max_wait_time=TIMEOUT_SECONDS)
    assert (again.sequence_number, again.delivery_count) == (lost.sequence_number, 1)
    with pytest.raises(MessageLockLostError):
        await one.complete_message(lost)
    await other.complete_message(again)
    assert harness.counts(queue) == EMPTY


async def test_eight_locks_are_renewed_concurrently_on_one_connection(harness: BrokerHarness) -> None:
    queue = harness.queue(QueueSettings(lock_seconds=2))
    sender, receiver = await harness.both(queue)
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(8)])
    messages = await receive(receiver, 8)
    for _ in range(3):
        before = [message.locked_until_utc for message in messages]
        await asyncio.sleep(0.8)
        after = await asyncio.gather(*(receiver.renew_message_lock(message) for message in messages))
        assert all(new > old for new, old in zip(after, before, strict=True) if old is not None)
    assert harness.counts(queue).locked == 8
    await asyncio.gather(*(receiver.complete_message(message) for message in messages))
    assert harness.counts(queue) == EMPTY


async def test_renewals_and_dead_letters_share_connection(harness: BrokerHarness) -> None:
    queue = harness.queue()
    sender, receiver = await harness.both(queue)
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(12)])
    messages = await receive(receiver, 12)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        # The client matches responses to requests by numbers that both sides assign independently.
        await asyncio.gather(
            *(receiver.dead_letter_message(message) for message in messages[:6]),
            *(receiver.renew_message_lock(message) for message in messages[6:]),
        )
    assert harness.counts(queue) == Counts(active=0, locked=6, scheduled=0, deferred=0, dead_letter=6)


async def test_automatic_renewal_keeps_message_beyond_one_lock(harness: BrokerHarness) -> None:
    queue = harness.queue(QueueSettings(lock_seconds=4, max_delivery_count=1))
    async with AutoLockRenewer(max_lock_renewal_duration=60) as renewer:
        sender, receiver = await harness.both(queue, auto_lock_renewer=renewer)
        await sender.send_messages(ServiceBusMessage("a"))
        message = await receive_one(receiver)
        await asyncio.sleep(5)
        assert harness.counts(queue).locked == 1
        await receiver.complete_message(message)
    assert harness.counts(queue) == EMPTY


Settlement = Callable[[ServiceBusReceiver, ServiceBusReceivedMessage], Awaitable[Any]]
SETTLEMENTS: dict[str, Settlement] = {
    "complete": ServiceBusReceiver.complete_message,
    "abandon": ServiceBusReceiver.abandon_message,
    "defer": ServiceBusReceiver.defer_message,
    "dead letter": ServiceBusReceiver.dead_letter_message,
    "renew": ServiceBusReceiver.renew_message_lock,
}


async def test_broker_rejects_settlement_after_lost_lock() -> None:
    ahead = timedelta()
    # The client checks its clock before it calls the broker. The broker answers only if its clock is ahead.
    async with (
        Broker({"stones": QueueSettings()}, clock=lambda: utc_now() + ahead) as broker,
        open_harness(broker) as harness,
    ):
        sender, receiver = await harness.both("stones")
        await sender.send_messages([ServiceBusMessage(name) for name in SETTLEMENTS])
        messages = await receive(receiver, len(SETTLEMENTS))
        ahead = timedelta(hours=1)
        for message, settle in zip(messages, SETTLEMENTS.values(), strict=True):
            with pytest.raises(MessageLockLostError):
                await settle(receiver, message)
        assert harness.counts("stones").active == len(SETTLEMENTS)


async def test_locks_of_killed_client_expire(harness: BrokerHarness) -> None:
    queue = harness.queue(QueueSettings(lock_seconds=1.5))
    sender, receiver = await harness.both(queue)
    await sender.send_messages(ServiceBusMessage("a"))
    script = (
        "import sys, time; from azure.servicebus import ServiceBusClient\n"
        "client = ServiceBusClient.from_connection_string(sys.argv[1])\n"
        "message = client.get_queue_receiver(sys.argv[2]).receive_messages()[0]\n"
        "print(message, flush=True); time.sleep(600)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, harness.broker.connection_string, queue, stdout=PIPE
    )
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), TIMEOUT_SECONDS) == b"a\n"
    finally:
        process.kill()
        await process.wait()
    assert harness.counts(queue).locked == 1
    assert (await receive_one(receiver)).delivery_count == 1
