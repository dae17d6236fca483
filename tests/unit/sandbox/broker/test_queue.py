"""Who may have a message of a queue, and how often."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from sandbox.broker.errors import LockLost, MessageNotFound, QueueFull
from sandbox.broker.message import Counts, State
from sandbox.broker.queue import Queue
from tests.unit.sandbox.broker.queues import LOCK, MOMENT, SETTLEMENTS, Clock, acquire, lock_of, make_queue


def test_messages_are_received_in_the_order_in_which_they_were_sent(queue: Queue[str]) -> None:
    numbers = [queue.send(payload) for payload in "abc"]
    received = [acquire(queue) for _ in range(3)]
    assert [message.payload for message in received] == ["a", "b", "c"]
    assert [message.sequence_number for message in received] == numbers == sorted(set(numbers))


def test_a_locked_message_is_nobody_elses(queue: Queue[str]) -> None:
    queue.send("a")
    acquire(queue)
    assert queue.acquire() is None
    assert queue.counts() == Counts(active=0, locked=1, scheduled=0, deferred=0, dead_letter=0)


def test_a_completed_message_is_gone(queue: Queue[str]) -> None:
    queue.send("a")
    queue.complete(lock_of(acquire(queue)))
    assert queue.acquire() is None
    assert len(queue) == 0


def test_a_taken_message_is_gone_at_once(queue: Queue[str]) -> None:
    queue.send("a")
    message = queue.receive_and_delete()
    assert message is not None
    assert message.payload == "a"
    assert queue.receive_and_delete() is None
    assert len(queue) == 0


def test_an_abandoned_message_keeps_its_place_and_counts_the_delivery(queue: Queue[str]) -> None:
    queue.send("a")
    queue.send("b")
    queue.abandon(lock_of(acquire(queue)))
    message = acquire(queue)
    assert (message.payload, message.delivery_count) == ("a", 1)


def test_a_released_message_keeps_its_place_and_counts_nothing(queue: Queue[str]) -> None:
    queue.send("a")
    queue.send("b")
    queue.release(lock_of(acquire(queue)))
    message = acquire(queue)
    assert (message.payload, message.delivery_count) == ("a", 0)


def test_a_lock_ends_with_its_period_and_the_delivery_counts(clock: Clock, queue: Queue[str]) -> None:
    queue.send("a")
    acquire(queue)
    clock.forward(LOCK - MOMENT)
    assert queue.acquire() is None
    clock.forward(MOMENT)
    assert acquire(queue).delivery_count == 1


def test_a_renewed_lock_lasts_one_more_period_from_then(clock: Clock, queue: Queue[str]) -> None:
    queue.send("a")
    token = lock_of(acquire(queue))
    clock.forward(LOCK / 2)
    assert queue.renew(token) == clock.now + LOCK
    clock.forward(LOCK - MOMENT)
    assert queue.acquire() is None
    clock.forward(MOMENT)
    assert acquire(queue).delivery_count == 1


@pytest.mark.parametrize("settlement", SETTLEMENTS.values(), ids=SETTLEMENTS.keys())
def test_who_lost_the_lock_can_do_nothing(
    clock: Clock, queue: Queue[str], settlement: Callable[[Queue[str], UUID], object]
) -> None:
    queue.send("a")
    token = lock_of(acquire(queue))
    clock.forward(LOCK)
    with pytest.raises(LockLost):
        settlement(queue, token)
    assert queue.counts().active == 1


@pytest.mark.parametrize("settlement", SETTLEMENTS.values(), ids=SETTLEMENTS.keys())
def test_a_token_of_nobody_opens_nothing(queue: Queue[str], settlement: Callable[[Queue[str], UUID], object]) -> None:
    queue.send("a")
    acquire(queue)
    with pytest.raises(LockLost):
        settlement(queue, uuid4())
    assert queue.counts().locked == 1


def test_a_deferred_message_comes_only_when_it_is_asked_for_by_number(queue: Queue[str]) -> None:
    number = queue.send("a")
    queue.defer(lock_of(acquire(queue)))
    assert queue.acquire() is None
    assert queue.counts().deferred == 1
    [message] = queue.acquire_deferred([number])
    assert (message.payload, message.delivery_count) == ("a", 0)
    queue.complete(lock_of(message))
    assert len(queue) == 0


def test_a_deferred_message_stays_deferred_when_its_lock_ends(clock: Clock, queue: Queue[str]) -> None:
    number = queue.send("a")
    queue.defer(lock_of(acquire(queue)))
    queue.acquire_deferred([number])
    clock.forward(LOCK)
    assert queue.acquire() is None
    assert queue.acquire_deferred([number])[0].delivery_count == 1


def test_of_several_deferred_messages_none_is_locked_if_one_is_missing(queue: Queue[str]) -> None:
    number = queue.send("a")
    queue.defer(lock_of(acquire(queue)))
    with pytest.raises(MessageNotFound):
        queue.acquire_deferred([number, number + 1])
    assert queue.counts().locked == 0


def test_a_message_that_is_not_deferred_can_not_be_had_by_number(queue: Queue[str]) -> None:
    with pytest.raises(MessageNotFound):
        queue.acquire_deferred([queue.send("a")])


def test_a_full_queue_takes_nothing_until_something_leaves(clock: Clock) -> None:
    queue = make_queue(clock, max_messages=2)
    queue.send("a")
    queue.send("b")
    with pytest.raises(QueueFull):
        queue.send("c")
    queue.complete(lock_of(acquire(queue)))
    queue.send("c")
    assert [acquire(queue).payload for _ in range(2)] == ["b", "c"]


def test_looking_shows_every_state_and_changes_none(clock: Clock, queue: Queue[str]) -> None:
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


def test_forgetting_loses_messages_and_locks_but_never_reuses_a_number(queue: Queue[str]) -> None:
    last = [queue.send(payload) for payload in "abc"][-1]
    token = lock_of(acquire(queue))
    queue.dead_letter(lock_of(acquire(queue)), None, None)
    queue.clear()
    assert queue.counts() == Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=0)
    with pytest.raises(LockLost):
        queue.complete(token)
    assert queue.send("d") > last


def test_a_message_overtakes_only_as_many_as_it_may(queue: Queue[str]) -> None:
    for payload in "abc":
        queue.send(payload)
    queue.send("d", overtakes=1.5)
    assert [acquire(queue).payload for _ in range(4)] == ["a", "b", "d", "c"]
