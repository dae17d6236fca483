"""One queue: who may have which message, until when, and what becomes of those that fail. Pure: no I/O, a clock handed in.

The rules are Service Bus's: a delivery counts once its lock expires or its receiver abandons it; a released one does
not count; the one that reaches the queue's maximum makes a dead letter.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush, nsmallest
from typing import Final, Generic
from uuid import UUID, uuid4

from inventory.core.clock import Clock
from sandbox.broker.errors import LockLost, MessageNotFound, NotAllowed, QueueFull
from sandbox.broker.message import Counts, DeadLetter, Message, Payload, QueueSettings, State

DEAD_LETTERS: Final = "/$DeadLetterQueue"

_NO_DELAY: Final = timedelta()


class Queue(Generic[Payload]):
    """A queue with its dead letters, which form a separate queue without limits on deliveries or age."""

    def __init__(self, name: str, settings: QueueSettings, clock: Clock) -> None:
        self.name = name
        self.settings = settings
        self.on_available: Callable[[], None] = lambda: None  # told whenever a message can be received
        self.dead_letters: Queue[Payload] | None = (
            None if name.endswith(DEAD_LETTERS) else Queue(name + DEAD_LETTERS, settings, clock)
        )
        self._clock = clock
        self._last_number = 0
        self.forget()

    def forget(self) -> None:
        """Lose every message, the dead letters too; sequence numbers go on."""
        self._messages: dict[int, Message[Payload]] = {}
        self._locked: dict[UUID, Message[Payload]] = {}
        # Heaps; an entry whose message has moved on meanwhile is passed over.
        self._available: list[tuple[float, int]] = []
        self._lock_ends: list[tuple[datetime, UUID]] = []
        self._scheduled: list[tuple[datetime, int]] = []
        if self.dead_letters is not None:
            self.dead_letters.forget()

    def check_room(self, count: int) -> None:
        """Refuse what does not fit, before any of it is taken in.

        Raises:
            QueueFull: the queue would hold more messages than its settings allow.
            NotAllowed: this is a queue of dead letters; only failure leads there.
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
        """Take a message in and return its sequence number.

        `ttl` counts from when it can be received and never exceeds the queue's own. `delay` comes on top of everything.
        `overtakes` says how many messages that wait at the same time it may pass.

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

    def admit(self, message: Message[Payload]) -> None:
        """Take over a message from another queue, under the number it has."""
        self._messages[message.sequence_number] = message
        self._offer(message)

    def __len__(self) -> int:
        return len(self._messages)

    def acquire(self) -> Message[Payload] | None:
        """The next message, locked for its receiver; None if none waits."""
        now = self._advance()
        while self._available:
            message = self._messages.get(heappop(self._available)[1])
            if message is not None and not self._dropped(message, now):
                self._lock(message, now)
                return message
        return None

    def take(self) -> Message[Payload] | None:
        """The next message, gone from the queue with this; None if none waits."""
        message = self.acquire()
        if message is not None:
            self._remove(message)
        return message

    def acquire_deferred(self, numbers: Sequence[int]) -> list[Message[Payload]]:
        """The deferred messages of these sequence numbers, locked.

        Raises:
            MessageNotFound: one of them is not there, not deferred, or locked by someone else; none is locked then.
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
        """The receiver is done with the message. Raises LockLost, as all that follow do."""
        self._remove(self._held(token))

    def abandon(self, token: UUID) -> None:
        """The receiver gives the message back; this counts as a delivery."""
        self._fail(self._held(token))

    def release(self, token: UUID) -> None:
        """The receiver never looked at the message: it goes back to its place and nothing is counted."""
        message = self._held(token)
        self._unlock(message)
        self._offer(message)

    def defer(self, token: UUID) -> None:
        """Set the message aside until someone asks for its sequence number."""
        message = self._held(token)
        self._unlock(message)
        message.state = State.DEFERRED

    def dead_letter(self, token: UUID, reason: str | None, description: str | None) -> None:
        """Move the message to the dead letters.

        Raises:
            NotAllowed: it is a dead letter already.
        """
        message = self._held(token)
        if self.dead_letters is None:
            raise NotAllowed("a dead letter stays where it is until it is completed")
        self._bury(message, reason, description)

    def renew(self, token: UUID) -> datetime:
        """Hold the lock for another full period, and say until when."""
        message = self._held(token)
        return self._hold(message, token, self._clock())

    def cancel(self, numbers: Sequence[int]) -> None:
        """Withdraw scheduled messages.

        Raises:
            MessageNotFound: one of them is not there or no longer scheduled; none is withdrawn then.
        """
        self._advance()
        messages = [self._messages.get(number) for number in numbers]
        scheduled = [message for message in messages if message and message.state is State.SCHEDULED]
        if len(scheduled) < len(messages):
            raise MessageNotFound
        for message in scheduled:
            self._remove(message)

    def peek(self, first_number: int, count: int) -> list[Message[Payload]]:
        """Up to `count` messages from a sequence number on, whatever their state, without touching them."""
        now = self._advance()
        for message in [message for message in self._messages.values() if message.lock is None]:
            self._dropped(message, now)
        numbers = nsmallest(count, (number for number in self._messages if number >= first_number))
        return [self._messages[number] for number in numbers]

    def counts(self) -> Counts:
        """Where the messages stand now."""
        self.peek(0, 0)  # lets go of what has expired
        idle = [message.state for message in self._messages.values() if message.lock is None]
        return Counts(
            active=idle.count(State.ACTIVE),
            locked=len(self._locked),
            scheduled=idle.count(State.SCHEDULED),
            deferred=idle.count(State.DEFERRED),
            dead_letter=0 if self.dead_letters is None else len(self.dead_letters),
        )

    def tick(self) -> None:
        """Let the clock do its work: end locks, bring scheduled messages in. Every other call does so too."""
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

    def _dropped(self, message: Message[Payload], now: datetime) -> bool:
        """Whether the message is too old. It leaves when it is next met, as in Service Bus, not by a timer."""
        if message.expires_at is None or message.expires_at > now or message.dead_letter is not None:
            return False
        if self.settings.dead_letter_expired:
            self._bury(message, "TTLExpiredException", "The message expired before it was received.")
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
        self._hold(message, message.lock, now)

    def _hold(self, message: Message[Payload], token: UUID, now: datetime) -> datetime:
        until = now + timedelta(seconds=self.settings.lock_seconds)
        message.locked_until = until
        heappush(self._lock_ends, (until, token))
        return until

    def _held(self, token: UUID) -> Message[Payload]:
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
            self._bury(
                message,
                "MaxDeliveryCountExceeded",
                f"Message could not be consumed after {message.delivery_count} delivery attempts.",
            )
        else:
            self._offer(message)

    def _remove(self, message: Message[Payload]) -> None:
        self._unlock(message)
        del self._messages[message.sequence_number]

    def _bury(self, message: Message[Payload], reason: str | None, description: str | None) -> None:
        if self.dead_letters is None:
            raise NotAllowed("a dead letter stays where it is until it is completed")
        self._remove(message)
        message.state = State.ACTIVE
        message.dead_letter = DeadLetter(reason, description, self.name)
        self.dead_letters.admit(message)
