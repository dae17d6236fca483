"""Dead letters."""

import pytest

from sandbox.broker.errors import NotAllowed
from sandbox.broker.queue import Queue
from tests.unit.sandbox.broker.queues import LOCK, Clock, acquire, dead_letters, lock_of, make_queue


@pytest.mark.parametrize("maximum", [1, 2, 5])
def test_message_is_dead_lettered_after_max_delivery_count(clock: Clock, maximum: int) -> None:
    queue = make_queue(clock, max_delivery_count=maximum)
    queue.send("a")
    deliveries = 0
    while (message := queue.acquire()) is not None:
        deliveries += 1
        if deliveries % 2:
            queue.abandon(lock_of(message))
        else:
            clock.advance(LOCK)
    assert deliveries == maximum
    dead = acquire(dead_letters(queue))
    assert dead.payload == "a"
    assert dead.dead_letter is not None
    assert (dead.dead_letter.reason, dead.dead_letter.source) == ("MaxDeliveryCountExceeded", "stones")


def test_dead_letter_keeps_reason_and_sequence_number(queue: Queue[str]) -> None:
    queue.send("a")
    number = queue.send("b")
    acquire(queue)
    queue.dead_letter(lock_of(acquire(queue)), "unreadable", "no carat")
    assert queue.counts().dead_letter == 1
    dead = acquire(dead_letters(queue))
    assert dead.sequence_number == number
    assert dead.dead_letter is not None
    assert (dead.dead_letter.reason, dead.dead_letter.description) == ("unreadable", "no carat")


def test_dead_letter_has_no_max_delivery_count(clock: Clock) -> None:
    queue = make_queue(clock, max_delivery_count=1)
    queue.send("a")
    queue.abandon(lock_of(acquire(queue)))
    for _ in range(5):
        dead_letters(queue).abandon(lock_of(acquire(dead_letters(queue))))
    dead_letters(queue).complete(lock_of(acquire(dead_letters(queue))))
    assert queue.counts().dead_letter == 0


def test_dead_letter_cannot_be_dead_lettered(queue: Queue[str]) -> None:
    queue.send("a")
    queue.dead_letter(lock_of(acquire(queue)), None, None)
    message = acquire(dead_letters(queue))
    with pytest.raises(NotAllowed):
        dead_letters(queue).dead_letter(lock_of(message), None, None)
    dead_letters(queue).complete(lock_of(message))


def test_send_to_dead_letter_queue_is_rejected(queue: Queue[str]) -> None:
    with pytest.raises(NotAllowed):
        dead_letters(queue).send("a")
