"""Queue with a manually advanced clock, and operations for its tests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sandbox.broker.message import Message, QueueSettings
from sandbox.broker.queue import Queue

LOCK = timedelta(seconds=30)
MOMENT = timedelta(milliseconds=1)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, duration: timedelta) -> None:
        self.now += duration


def make_queue(
    clock: Clock,
    *,
    max_delivery_count: int = 3,
    ttl_seconds: float | None = None,
    dead_letter_expired: bool = False,
    max_messages: int = 100,
) -> Queue[str]:
    settings = QueueSettings(LOCK.total_seconds(), max_delivery_count, ttl_seconds, dead_letter_expired, max_messages)
    return Queue("stones", settings, clock)


def acquire(queue: Queue[str]) -> Message[str]:
    message = queue.acquire()
    assert message is not None
    return message


def lock_of(message: Message[str]) -> UUID:
    assert message.lock is not None
    return message.lock


def dead_letters(queue: Queue[str]) -> Queue[str]:
    assert queue.dead_letters is not None
    return queue.dead_letters


SETTLEMENTS: dict[str, Callable[[Queue[str], UUID], object]] = {
    "complete": Queue.complete,
    "abandon": Queue.abandon,
    "release": Queue.release,
    "defer": Queue.defer,
    "dead_letter": lambda queue, token: queue.dead_letter(token, None, None),
    "renew": Queue.renew,
}
