"""Messages that come later, and messages that grow too old."""

from datetime import datetime, timedelta

import pytest

from sandbox.broker.errors import MessageNotFound
from sandbox.broker.message import Counts
from sandbox.broker.queue import Queue
from tests.unit.sandbox.broker.queues import LOCK, MOMENT, Clock, acquire, dead_letters, lock_of, make_queue


def test_a_scheduled_message_comes_at_its_time_and_not_before(clock: Clock, queue: Queue[str]) -> None:
    queue.send("a", scheduled_for=clock.now + timedelta(minutes=1))
    clock.forward(timedelta(minutes=1) - MOMENT)
    assert queue.acquire() is None
    assert queue.counts().scheduled == 1
    clock.forward(MOMENT)
    message = acquire(queue)
    assert (message.payload, message.enqueued_at) == ("a", clock.now)


def test_the_queue_tells_when_a_message_can_be_received(clock: Clock, queue: Queue[str]) -> None:
    calls: list[datetime] = []
    queue.on_available = lambda: calls.append(clock.now)
    queue.send("later", scheduled_for=clock.now + LOCK / 2)
    assert calls == []
    queue.send("now")
    assert len(calls) == 1
    acquire(queue)
    clock.forward(LOCK / 2)
    queue.tick()
    assert len(calls) == 2
    clock.forward(LOCK / 2)
    queue.tick()
    assert len(calls) == 3


def test_a_withdrawn_message_never_comes(clock: Clock, queue: Queue[str]) -> None:
    number = queue.send("a", scheduled_for=clock.now + LOCK)
    queue.cancel([number])
    clock.forward(2 * LOCK)
    assert queue.acquire() is None
    with pytest.raises(MessageNotFound):
        queue.cancel([number])


def test_a_message_that_already_came_can_not_be_withdrawn(queue: Queue[str]) -> None:
    number = queue.send("a")
    with pytest.raises(MessageNotFound):
        queue.cancel([number])
    assert queue.counts().active == 1


@pytest.mark.parametrize(("own", "of_queue", "lives"), [(None, 60, 60), (30, 60, 30), (90, 60, 60), (30, None, 30)])
def test_a_message_lives_as_long_as_the_shorter_of_both_limits(
    clock: Clock, own: int | None, of_queue: int | None, lives: int
) -> None:
    queue = make_queue(clock, ttl_seconds=of_queue)
    ttl = None if own is None else timedelta(seconds=own)
    queue.send("a", ttl=ttl)
    clock.forward(timedelta(seconds=lives) - MOMENT)
    assert queue.counts().active == 1
    clock.forward(MOMENT)
    assert queue.acquire() is None
    assert queue.counts() == Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=0)


def test_a_scheduled_message_starts_to_age_when_it_comes(clock: Clock, queue: Queue[str]) -> None:
    queue.send("a", scheduled_for=clock.now + timedelta(seconds=60), ttl=timedelta(seconds=10))
    clock.forward(timedelta(seconds=65))
    assert acquire(queue).payload == "a"


def test_an_expired_message_becomes_a_dead_letter_where_the_queue_wants_that(clock: Clock) -> None:
    queue = make_queue(clock, ttl_seconds=60, dead_letter_expired=True)
    queue.send("a")
    clock.forward(timedelta(hours=1))
    assert queue.acquire() is None
    dead = acquire(dead_letters(queue))
    assert dead.dead_letter is not None
    assert dead.dead_letter.reason == "TTLExpiredException"


def test_a_locked_message_does_not_expire_under_its_receiver(clock: Clock) -> None:
    queue = make_queue(clock, ttl_seconds=10)
    queue.send("a")
    message = acquire(queue)
    clock.forward(timedelta(seconds=20))
    assert queue.counts().locked == 1
    queue.complete(lock_of(message))
