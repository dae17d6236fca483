from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sandbox.broker.errors import LockLost, MessageNotFound, NotAllowed, QueueFull
from sandbox.broker.message import Counts, Message, QueueSettings, State
from sandbox.broker.queue import Queue

LOCK = timedelta(seconds=30)
MOMENT = timedelta(milliseconds=1)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, duration: timedelta) -> None:
        self.now += duration


@pytest.fixture
def clock() -> Clock:
    return Clock()


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


@pytest.fixture
def queue(clock: Clock) -> Queue[str]:
    return make_queue(clock)


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
    message = queue.take()
    assert message is not None
    assert message.payload == "a"
    assert queue.take() is None
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


SETTLEMENTS: dict[str, Callable[[Queue[str], UUID], object]] = {
    "complete": Queue.complete,
    "abandon": Queue.abandon,
    "release": Queue.release,
    "defer": Queue.defer,
    "dead_letter": lambda queue, token: queue.dead_letter(token, None, None),
    "renew": Queue.renew,
}


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


@pytest.mark.parametrize("maximum", [1, 2, 5])
def test_a_poison_message_is_delivered_as_often_as_allowed_and_then_is_dead(clock: Clock, maximum: int) -> None:
    queue = make_queue(clock, max_delivery_count=maximum)
    queue.send("a")
    deliveries = 0
    while (message := queue.acquire()) is not None:
        deliveries += 1
        if deliveries % 2:
            queue.abandon(lock_of(message))
        else:
            clock.forward(LOCK)
    assert deliveries == maximum
    dead = acquire(dead_letters(queue))
    assert dead.payload == "a"
    assert dead.dead_letter is not None
    assert (dead.dead_letter.reason, dead.dead_letter.source) == ("MaxDeliveryCountExceeded", "stones")


def test_a_dead_letter_keeps_its_reason_and_its_number(queue: Queue[str]) -> None:
    queue.send("a")
    number = queue.send("b")
    acquire(queue)
    queue.dead_letter(lock_of(acquire(queue)), "unreadable", "no carat")
    assert queue.counts().dead_letter == 1
    dead = acquire(dead_letters(queue))
    assert dead.sequence_number == number
    assert dead.dead_letter is not None
    assert (dead.dead_letter.reason, dead.dead_letter.description) == ("unreadable", "no carat")


def test_a_dead_letter_is_delivered_as_often_as_someone_looks(clock: Clock) -> None:
    queue = make_queue(clock, max_delivery_count=1)
    queue.send("a")
    queue.abandon(lock_of(acquire(queue)))
    for _ in range(5):
        dead_letters(queue).abandon(lock_of(acquire(dead_letters(queue))))
    dead_letters(queue).complete(lock_of(acquire(dead_letters(queue))))
    assert queue.counts().dead_letter == 0


def test_a_dead_letter_can_not_die_again(queue: Queue[str]) -> None:
    queue.send("a")
    queue.dead_letter(lock_of(acquire(queue)), None, None)
    message = acquire(dead_letters(queue))
    with pytest.raises(NotAllowed):
        dead_letters(queue).dead_letter(lock_of(message), None, None)
    dead_letters(queue).complete(lock_of(message))


def test_nobody_sends_to_the_dead_letters(queue: Queue[str]) -> None:
    with pytest.raises(NotAllowed):
        dead_letters(queue).send("a")


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
    queue.forget()
    assert queue.counts() == Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=0)
    with pytest.raises(LockLost):
        queue.complete(token)
    assert queue.send("d") > last


def test_a_message_overtakes_only_as_many_as_it_may(queue: Queue[str]) -> None:
    for payload in "abc":
        queue.send(payload)
    queue.send("d", overtakes=1.5)
    assert [acquire(queue).payload for _ in range(4)] == ["a", "b", "d", "c"]


class NothingIsLost(RuleBasedStateMachine):
    """Whatever happens, every message that was sent and not completed is in exactly one place."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue = make_queue(self.clock, max_messages=10_000)
        self.held: list[tuple[Queue[str], UUID]] = []
        self.sent = self.completed = 0

    @rule(delay=st.sampled_from([0, 0, 20, 45]))
    def send(self, delay: int) -> None:
        self.queue.send("a", delay=timedelta(seconds=delay))
        self.sent += 1

    @rule(dead=st.booleans())
    def receive(self, dead: bool) -> None:
        queue = dead_letters(self.queue) if dead else self.queue
        message = queue.acquire()
        if message is not None:
            self.held.append((queue, lock_of(message)))

    @rule(data=st.data(), name=st.sampled_from([*SETTLEMENTS]))
    def settle(self, data: st.DataObject, name: str) -> None:
        if not self.held:
            return
        queue, token = data.draw(st.sampled_from(self.held))
        try:
            SETTLEMENTS[name](queue, token)
        except (LockLost, NotAllowed):
            return
        if name == "complete":
            self.completed += 1

    @rule()
    def receive_deferred(self) -> None:
        for message in self.queue.peek(1, 1_000):
            if message.state is State.DEFERRED and message.lock is None:
                self.queue.acquire_deferred([message.sequence_number])
                self.held.append((self.queue, lock_of(message)))

    @rule(seconds=st.sampled_from([1, 10, 30, 60]))
    def wait(self, seconds: int) -> None:
        self.clock.forward(timedelta(seconds=seconds))
        self.queue.tick()

    @invariant()
    def every_message_is_in_one_place(self) -> None:
        counts = self.queue.counts()
        here = counts.active + counts.locked + counts.scheduled + counts.deferred
        assert here == len(self.queue)
        assert here + counts.dead_letter == self.sent - self.completed

    @invariant()
    def no_living_message_was_delivered_too_often(self) -> None:
        assert all(message.delivery_count < 3 for message in self.queue.peek(1, 1_000))


TestNothingIsLost = NothingIsLost.TestCase
TestNothingIsLost.settings = hypothesis_settings(max_examples=50, stateful_step_count=40, deadline=None)
