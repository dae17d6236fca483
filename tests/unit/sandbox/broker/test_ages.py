"""Scheduled messages and message expiry."""

from datetime import datetime, timedelta

import pytest

from sandbox.broker.errors import MessageNotFound
from sandbox.broker.message import Counts
from sandbox.broker.queue import Queue
from tests.unit.sandbox.broker.queues import LOCK, MOMENT, Clock, acquire, dead_letters, lock_of, make_queue


def test_scheduled_message_is_received_at_its_time(clock: Clock, queue: Queue[str]) -> None:
    queue.send("a", scheduled_for=clock.now + timedelta(minutes=1))
    clock.advance(timedelta(minutes=1) - MOMENT)
    assert queue.acquire() is None
    assert queue.counts().scheduled == 1
    clock.advance(MOMENT)
    message = acquire(queue)
    assert (message.payload, message.enqueued_at) == ("a", clock.now)


def test_queue_reports_when_next_message_is_available(clock: Clock, queue: Queue[str]) -> None:
    calls: list[datetime] = []
    queue.on_available = lambda: calls.append(clock.now)
    queue.send("later", scheduled_for=clock.now + LOCK / 2)
    assert calls == []
    queue.send("now")
    assert len(calls) == 1
    acquire(queue)
    clock.advance(LOCK / 2)
    queue.tick()
    assert len(calls) == 2
    clock.advance(LOCK / 2)
    queue.tick()
    assert len(calls) == 3


def test_cancelled_scheduled_message_is_never_received(clock: Clock, queue: Queue[str]) -> None:
    number = queue.send("a", scheduled_for=clock.now + LOCK)
    queue.cancel([number])
    clock.advance(2 * LOCK)
    assert queue.acquire() is None
    with pytest.raises(MessageNotFound):
        queue.cancel([number])


def test_message_that_is_active_cannot_be_cancelled(queue: Queue[str]) -> None:
    number = queue.send("a")
    with pytest.raises(MessageNotFound):
        queue.cancel([number])
    assert queue.counts().active == 1


@pytest.mark.parametrize(("own", "of_queue", "lives"), [(None, 60, 60), (30, 60, 30), (90, 60, 60), (30, None, 30)])
def test_time_to_live_is_shorter_of_both_limits(
    clock: Clock, own: int | None, of_queue: int | None, lives: int
) -> None:
    queue = make_queue(clock, ttl_seconds=of_queue)
    ttl = None if own is None else timedelta(seconds=own)
    queue.send("a", ttl=ttl)
    clock.advance(timedelta(seconds=lives) - MOMENT)
    assert queue.counts().active == 1
    clock.advance(MOMENT)
    assert queue.acquire() is None
    assert queue.counts() == Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=0)


def test_time_to_live_of_scheduled_message_starts_at_its_time(clock: Clock, queue: Queue[str]) -> None:
    queue.send("a", scheduled_for=clock.now + timedelta(seconds=60), ttl=timedelta(seconds=10))
    clock.advance(timedelta(seconds=65))
    assert acquire(queue).payload == "a"


def test_expired_message_is_dead_lettered_when_enabled(clock: Clock) -> None:
    queue = make_queue(clock, ttl_seconds=60, dead_letter_expired=True)
    queue.send("a")
    clock.advance(timedelta(hours=1))
    assert queue.acquire() is None
    dead = acquire(dead_letters(queue))
    assert dead.dead_letter is not None
    assert dead.dead_letter.reason == "TTLExpiredException"


def test_locked_message_does_not_expire(clock: Clock) -> None:
    queue = make_queue(clock, ttl_seconds=10)
    queue.send("a")
    message = acquire(queue)
    clock.advance(timedelta(seconds=20))
    assert queue.counts().locked == 1
    queue.complete(lock_of(message))
