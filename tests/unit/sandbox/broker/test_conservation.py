"""Conservation of messages: no operation loses or duplicates a message."""

from datetime import timedelta
from uuid import UUID

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sandbox.broker.errors import LockLost, NotAllowed
from sandbox.broker.message import State
from sandbox.broker.queue import Queue
from tests.unit.sandbox.broker.queues import SETTLEMENTS, Clock, dead_letters, lock_of, make_queue


class MessageConservation(RuleBasedStateMachine):
    """Every message that was sent and not completed is in exactly one place."""

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
        self.clock.advance(timedelta(seconds=seconds))
        self.queue.tick()

    @invariant()
    def every_message_is_in_one_place(self) -> None:
        counts = self.queue.counts()
        here = counts.active + counts.locked + counts.scheduled + counts.deferred
        assert here == len(self.queue)
        assert here + counts.dead_letter == self.sent - self.completed

    @invariant()
    def active_message_is_within_max_delivery_count(self) -> None:
        assert all(message.delivery_count < 3 for message in self.queue.peek(1, 1_000))


TestMessageConservation = MessageConservation.TestCase
TestMessageConservation.settings = hypothesis_settings(max_examples=50, stateful_step_count=40, deadline=None)
