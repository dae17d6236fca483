"""Locks, settlement and delivery counts of a queue."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from sandbox.broker.errors import LockLost, MessageNotFound, QueueFull
from sandbox.broker.message import Counts, State
from sandbox.broker.queue import Queue
from tests.unit.sandbox.broker.queues import LOCK, MOMENT, SETTLEMENTS, Clock, acquire, lock_of, make_queue


def test_messages_are_received_in_order_of_sending(queue: Queue[str]) -> None:
    numbers = [queue.send(payload) for payload in "abc"]
    received = [acquire(queue) for _ in range(3)]
    assert [message.payload for message in received] == ["a", "b", "c"]
    assert [message.sequence_number for message in received] == numbers == sorted(set(numbers))


def test_locked_message_is_not_delivered_again(queue: Queue[str]) -> None:
    queue.send("a")
    acquire(queue)
    assert queue.acquire() is None
    assert queue.counts() == Counts(active=0, locked=1, scheduled=0, deferred=0, dead_letter=0)


def test_completed_message_is_gone(queue: Queue[str]) -> None:
    queue.send("a")
    queue.complete(lock_of(acquire(queue)))
    assert queue.acquire() is None
    assert len(queue) == 0


def test_message_received_and_deleted_is_gone_immediately(queue: Queue[str]) -> None:
    queue.send("a")
    message = queue.receive_and_delete()
    assert message is not None
    assert message.payload == "a"
    assert queue.receive_and_delete() is None
    assert len(queue) == 0


def test_abandoned_message_keeps_position_and_counts_delivery(queue: Queue[str]) -> None:
    queue.send("a")
    queue.send("b")
    queue.abandon(lock_of(acquire(queue)))
    message = acquire(queue)
    assert (message.payload, message.delivery_count) == ("a", 1)


def test_released_message_keeps_position_and_delivery_count(queue: Queue[str]) -> None:
    queue.send("a")
    queue.send("b")
    queue.release(lock_of(acquire(queue)))
    message = acquire(queue)
    assert (message.payload, message.delivery_count) == ("a", 0)


def test_expired_lock_counts_delivery(clock: Clock, queue: Queue[str]) -> None:
    queue.send("a")
    acquire(queue)
    clock.advance(LOCK - MOMENT)
    assert queue.acquire() is None
    clock.advance(MOMENT)
    assert acquire(queue).delivery_count == 1


def test_renewed_lock_lasts_one_period_from_renewal(clock: Clock, queue: Queue[str]) -> None:
    queue.send("a")
    token = lock_of(acquire(queue))
    clock.advance(LOCK / 2)
    assert queue.renew(token) == clock.now + LOCK
    clock.advance(LOCK - MOMENT)
    assert queue.acquire() is None
    clock.advance(MOMENT)
    assert acquire(queue).delivery_count == 1


@pytest.mark.parametrize("settlement", SETTLEMENTS.values(), ids=SETTLEMENTS.keys())
def test_lost_lock_cannot_settle(
    clock: Clock, queue: Queue[str], settlement: Callable[[Queue[str], UUID], object]
) -> None:
    queue.send("a")
    token = lock_of(acquire(queue))
    clock.advance(LOCK)
    with pytest.raises(LockLost):
        settlement(queue, token)
    assert queue.counts().active == 1


@pytest.mark.parametrize("settlement", SETTLEMENTS.values(), ids=SETTLEMENTS.keys())
def test_unknown_lock_token_is_rejected(queue: Queue[str], settlement: Callable[[Queue[str], UUID], object]) -> None:
    queue.send("a")
    acquire(queue)
    with pytest.raises(LockLost):
        settlement(queue, uuid4())
    assert queue.counts().locked == 1


def test_deferred_message_is_received_by_sequence_number_only(queue: Queue[str]) -> None:
    number = queue.send("a")
    queue.defer(lock_of(acquire(queue)))
    assert queue.acquire() is None
    assert queue.counts().deferred == 1
    [message] = queue.acquire_deferred([number])
    assert (message.payload, message.delivery_count) == ("a", 0)
    queue.complete(lock_of(message))
    assert len(queue) == 0


def test_deferred_message_stays_deferred_when_lock_expires(clock: Clock, queue: Queue[str]) -> None:
    number = queue.send("a")
    queue.defer(lock_of(acquire(queue)))
    queue.acquire_deferred([number])
    clock.advance(LOCK)
    assert queue.acquire() is None
    assert queue.acquire_deferred([number])[0].delivery_count == 1


def test_receive_deferred_locks_none_when_one_is_missing(queue: Queue[str]) -> None:
    number = queue.send("a")
    queue.defer(lock_of(acquire(queue)))
    with pytest.raises(MessageNotFound):
        queue.acquire_deferred([number, number + 1])
    assert queue.counts().locked == 0


def test_active_message_cannot_be_received_by_sequence_number(queue: Queue[str]) -> None:
    with pytest.raises(MessageNotFound):
        queue.acquire_deferred([queue.send("a")])


def test_full_queue_rejects_messages_until_one_leaves(clock: Clock) -> None:
    queue = make_queue(clock, max_messages=2)
    queue.send("a")
    queue.send("b")
    with pytest.raises(QueueFull):
        queue.send("c")
    queue.complete(lock_of(acquire(queue)))
    queue.send("c")
    assert [acquire(queue).payload for _ in range(2)] == ["b", "c"]


def test_peek_shows_every_state_and_changes_none(clock: Clock, queue: Queue[str]) -> None:
    for payload in ("deferred", "locked", "active"):
        queue.send(payload)
    queue.send("scheduled", scheduled_for=clock.now + LOCK)
    queue.defer(lock_of(acquire(queue)))
    acquire(queue)
    before = queue.counts()
    seen = queue.peek(1, 10)
    assert [(message.payload, message.state) for message in seen] == [
        ("deferred", State.DEFERRED),
        ("locked", State.ACTIVE),
        ("active", State.ACTIVE),
        ("scheduled", State.SCHEDULED),
    ]
    assert [message.payload for message in queue.peek(3, 1)] == ["active"]
    assert queue.counts() == before


def test_reset_drops_messages_and_locks_but_never_reuses_sequence_number(queue: Queue[str]) -> None:
    last = [queue.send(payload) for payload in "abc"][-1]
    token = lock_of(acquire(queue))
    queue.dead_letter(lock_of(acquire(queue)), None, None)
    queue.clear()
    assert queue.counts() == Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=0)
    with pytest.raises(LockLost):
        queue.complete(token)
    assert queue.send("d") > last


def test_reordering_is_bounded(queue: Queue[str]) -> None:
    for payload in "abc":
        queue.send(payload)
    queue.send("d", overtakes=1.5)
    assert [acquire(queue).payload for _ in range(4)] == ["a", "b", "d", "c"]
