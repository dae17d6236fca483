"""Queue with peek-lock, deferral, scheduling, time to live and dead letters, as in Service Bus. Pure: no I/O.

A delivery counts when its lock expires or the receiver abandons it; a released delivery does not count. The delivery that
reaches the maximum delivery count dead-letters the message.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush, nsmallest
from typing import Final, Generic
from uuid import UUID, uuid4

from sandbox.broker.clock import Clock
from sandbox.broker.errors import LockLost, MessageNotFound, NotAllowed, QueueFull
from sandbox.broker.message import Counts, DeadLetter, Message, Payload, QueueSettings, State

DEAD_LETTERS: Final = "/$DeadLetterQueue"

_NO_DELAY: Final = timedelta()


class Queue(Generic[Payload]):
    """A queue with its dead-letter queue, which has no limits on deliveries and age."""

    def __init__(self, name: str, settings: QueueSettings, clock: Clock) -> None:
        self.name = name
        self.settings = settings
        self.on_available: Callable[[], None] = lambda: None  # called when a message becomes available
        self.dead_letters: Queue[Payload] | None = (
            None if name.endswith(DEAD_LETTERS) else Queue(name + DEAD_LETTERS, settings, clock)
        )
        self._clock = clock
        self._last_number = 0
        self.clear()

    def clear(self) -> None:
        """Remove all messages and dead letters. Sequence numbers continue."""
        self._messages: dict[int, Message[Payload]] = {}
        self._locked: dict[UUID, Message[Payload]] = {}
        # Heaps. Stale entries, whose message has changed its state, are skipped.
        self._available: list[tuple[float, int]] = []
        self._lock_ends: list[tuple[datetime, UUID]] = []
        self._scheduled: list[tuple[datetime, int]] = []
        if self.dead_letters is not None:
            self.dead_letters.clear()

    def check_room(self, count: int) -> None:
        """Check that `count` messages can be enqueued.

        Raises:
            QueueFull: the queue would exceed `max_messages`.
            NotAllowed: clients cannot send to a dead-letter queue.
        """
        if self.dead_letters is None:
            raise NotAllowed("messages cannot be sent to a dead-letter queue")
        if len(self) + count > self.settings.max_messages:
            raise QueueFull(f"{self.name} holds {len(self)} of at most {self.settings.max_messages} messages")

    def send(
        self,
        payload: Payload,
        *,
        ttl: timedelta | None = None,
        scheduled_for: datetime | None = None,
        delay: timedelta = _NO_DELAY,
        overtakes: float = 0,
    ) -> int:
        """Enqueue a message. Return its sequence number.

        `ttl` starts when the message becomes available and never exceeds the time to live of the queue. `delay` is added
        to `scheduled_for`. The message may pass up to `overtakes` waiting messages.

        Raises:
            QueueFull, NotAllowed: see `check_room`.
        """
        now = self._advance()
        self.check_room(1)
        due = max(scheduled_for or now, now) + delay
        self._last_number += 1
        message = Message(
            payload=payload,
            sequence_number=self._last_number,
            position=self._last_number - overtakes,
            enqueued_at=now,
            expires_at=self._expiry(due, ttl),
        )
        self._messages[message.sequence_number] = message
        if due > now:
            message.state = State.SCHEDULED
            heappush(self._scheduled, (due, message.sequence_number))
        else:
            self._offer(message)
        return message.sequence_number

    def add(self, message: Message[Payload]) -> None:
        """Add a message of another queue with its sequence number."""
        self._messages[message.sequence_number] = message
        self._offer(message)

    def __len__(self) -> int:
        return len(self._messages)

    def acquire(self) -> Message[Payload] | None:
        """Lock and return the next message, None if no message waits."""
        now = self._advance()
        while self._available:
            message = self._messages.get(heappop(self._available)[1])
            if message is not None and not self._expire(message, now):
                self._lock(message, now)
                return message
        return None

    def receive_and_delete(self) -> Message[Payload] | None:
        """Remove and return the next message, None if no message waits."""
        message = self.acquire()
        if message is not None:
            self._remove(message)
        return message

    def acquire_deferred(self, numbers: Sequence[int]) -> list[Message[Payload]]:
        """Lock and return deferred messages by their sequence numbers.

        Raises:
            MessageNotFound: a message does not exist, is not deferred, or is locked. No message is locked.
        """
        now = self._advance()
        found = [self._messages.get(number) for number in numbers]
        messages = [
            message for message in found if message and message.state is State.DEFERRED and message.lock is None
        ]
        if len(messages) < len(found):
            raise MessageNotFound
        for message in messages:
            self._lock(message, now)
        return messages

    def complete(self, token: UUID) -> None:
        """Remove a processed message. Raises LockLost, as do all operations with a lock token."""
        self._remove(self._locked_message(token))

    def abandon(self, token: UUID) -> None:
        """Return the message to the queue. This counts as a delivery."""
        self._fail(self._locked_message(token))

    def release(self, token: UUID) -> None:
        """Return the message to its position in the queue. This does not count as a delivery."""
        message = self._locked_message(token)
        self._unlock(message)
        self._offer(message)

    def defer(self, token: UUID) -> None:
        """Defer the message: a receiver must request it by its sequence number."""
        message = self._locked_message(token)
        self._unlock(message)
        message.state = State.DEFERRED

    def dead_letter(self, token: UUID, reason: str | None, description: str | None) -> None:
        """Move the message to the dead-letter queue.

        Raises:
            NotAllowed: the message is a dead letter.
        """
        message = self._locked_message(token)
        if self.dead_letters is None:
            raise NotAllowed("a dead letter cannot be dead-lettered; complete it")
        self._move_to_dead_letters(message, reason, description)

    def renew(self, token: UUID) -> datetime:
        """Renew the lock for a full period. Return its new expiry."""
        message = self._locked_message(token)
        return self._extend_lock(message, token, self._clock())

    def cancel(self, numbers: Sequence[int]) -> None:
        """Cancel scheduled messages.

        Raises:
            MessageNotFound: a message does not exist or is not scheduled. No message is cancelled.
        """
        self._advance()
        messages = [self._messages.get(number) for number in numbers]
        scheduled = [message for message in messages if message and message.state is State.SCHEDULED]
        if len(scheduled) < len(messages):
            raise MessageNotFound
        for message in scheduled:
            self._remove(message)

    def peek(self, first_number: int, count: int) -> list[Message[Payload]]:
        """Return up to `count` messages in any state from a sequence number on, without locking them."""
        now = self._advance()
        for message in [message for message in self._messages.values() if message.lock is None]:
            self._expire(message, now)
        numbers = nsmallest(count, (number for number in self._messages if number >= first_number))
        return [self._messages[number] for number in numbers]

    def counts(self) -> Counts:
        """Count the messages by state."""
        self.peek(0, 0)  # removes expired messages
        idle = [message.state for message in self._messages.values() if message.lock is None]
        return Counts(
            active=idle.count(State.ACTIVE),
            locked=len(self._locked),
            scheduled=idle.count(State.SCHEDULED),
            deferred=idle.count(State.DEFERRED),
            dead_letter=0 if self.dead_letters is None else len(self.dead_letters),
        )

    def tick(self) -> None:
        """Expire locks and activate scheduled messages. All other methods do so too."""
        self._advance()
        if self.dead_letters is not None:
            self.dead_letters.tick()

    def _advance(self) -> datetime:
        now = self._clock()
        while self._lock_ends and self._lock_ends[0][0] <= now:
            message = self._locked.get(heappop(self._lock_ends)[1])
            # A renewed lock has a later entry.
            if message is not None and message.locked_until is not None and message.locked_until <= now:
                self._fail(message)
        while self._scheduled and self._scheduled[0][0] <= now:
            scheduled = self._messages.get(heappop(self._scheduled)[1])
            if scheduled is not None and scheduled.state is State.SCHEDULED:
                scheduled.state = State.ACTIVE
                scheduled.enqueued_at = now
                self._offer(scheduled)
        return now

    def _expiry(self, start: datetime, ttl: timedelta | None) -> datetime | None:
        limits = [ttl] if ttl is not None else []
        if self.settings.ttl_seconds is not None:
            limits.append(timedelta(seconds=self.settings.ttl_seconds))
        return start + min(limits) if limits else None

    def _expire(self, message: Message[Payload], now: datetime) -> bool:
        """Remove or dead-letter the message if it has expired. Return whether it has.

        As in Service Bus, an expired message is removed on the next access, not by a timer.
        """
        if message.expires_at is None or message.expires_at > now or message.dead_letter is not None:
            return False
        if self.settings.dead_letter_expired:
            self._move_to_dead_letters(message, "TTLExpiredException", "The message expired before it was received.")
        else:
            self._remove(message)
        return True

    def _offer(self, message: Message[Payload]) -> None:
        if message.state is State.ACTIVE:
            heappush(self._available, (message.position, message.sequence_number))
            self.on_available()

    def _lock(self, message: Message[Payload], now: datetime) -> None:
        message.lock = uuid4()
        self._locked[message.lock] = message
        self._extend_lock(message, message.lock, now)

    def _extend_lock(self, message: Message[Payload], token: UUID, now: datetime) -> datetime:
        until = now + timedelta(seconds=self.settings.lock_seconds)
        message.locked_until = until
        heappush(self._lock_ends, (until, token))
        return until

    def _locked_message(self, token: UUID) -> Message[Payload]:
        self._advance()
        try:
            return self._locked[token]
        except KeyError:
            raise LockLost from None

    def _unlock(self, message: Message[Payload]) -> None:
        if message.lock is not None:
            del self._locked[message.lock]
        message.lock = message.locked_until = None

    def _fail(self, message: Message[Payload]) -> None:
        self._unlock(message)
        message.delivery_count += 1
        if self.dead_letters is not None and message.delivery_count >= self.settings.max_delivery_count:
            self._move_to_dead_letters(
                message,
                "MaxDeliveryCountExceeded",
                f"Message could not be consumed after {message.delivery_count} delivery attempts.",
            )
        else:
            self._offer(message)

    def _remove(self, message: Message[Payload]) -> None:
        self._unlock(message)
        del self._messages[message.sequence_number]

    def _move_to_dead_letters(self, message: Message[Payload], reason: str | None, description: str | None) -> None:
        if self.dead_letters is None:
            raise NotAllowed("a dead letter cannot be dead-lettered; complete it")
        self._remove(message)
        message.state = State.ACTIVE
        message.dead_letter = DeadLetter(reason, description, self.name)
        self.dead_letters.add(message)
