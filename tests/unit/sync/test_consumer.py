import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from inventory.core.errors import BrokerUnavailable, LeaseLost, SupplierRefused, SupplierUnavailable
from sync.messaging import consumer
from sync.messaging.consumer import Consumer, ConsumerStopped, OutcomeStored
from sync.messaging.messages import UnreadableMessage
from sync.ports import Inbox, ReceivedMessage


class FakeMessage:
    """A delivery that records its settlement."""

    def __init__(self, body: bytes = b"", number: int = 1) -> None:
        self.body = body
        self.number = number
        self.fate = "in hand"

    async def complete(self) -> None:
        self.fate = "completed"

    async def abandon(self) -> None:
        self.fate = "abandoned"

    async def dead_letter(self, reason: str, description: str) -> None:
        self.fate = f"dead letter: {reason}: {description}"


class FakeBroker:
    """A broker with one queue. An exception in the queue is raised when it is reached."""

    def __init__(self, stop: asyncio.Event, *content: ReceivedMessage | Exception) -> None:
        self._stop = stop
        self._content = list(content)

    async def send(self, queue: str, bodies: object) -> None:
        raise BrokerUnavailable

    @asynccontextmanager
    async def inbox(self, queue: str) -> AsyncIterator[Inbox]:
        yield self

    async def receive(self, *, wait_seconds: float) -> ReceivedMessage | None:
        if not self._content:
            self._stop.set()
            return None
        following = self._content.pop(0)
        if isinstance(following, Exception):
            raise following
        return following


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "_MAX_PAUSE_SECONDS", 0.0)


async def consume(outcome: BaseException | None, *content: ReceivedMessage | Exception) -> list[bool]:
    """Whether each delivery was marked as the last one."""
    stop = asyncio.Event()
    seen: list[bool] = []

    async def handler(body: bytes, last: bool) -> None:
        seen.append(last)
        if outcome is not None:
            raise outcome

    await Consumer(FakeBroker(stop, *content), "queue", handler, slots=1, max_deliveries=3, stop=stop).run()
    return seen


@pytest.mark.parametrize(
    ("outcome", "delivery", "fate"),
    [
        (None, 1, "completed"),
        (LeaseLost(), 1, "completed"),
        (ConsumerStopped(), 1, "abandoned"),
        (OutcomeStored(), 1, "completed"),
        (OutcomeStored(), 3, "completed"),
        (SupplierUnavailable("away"), 1, "abandoned"),
        (SupplierUnavailable("away"), 3, "dead letter: SUPPLIER_ERROR: away"),
        (SupplierRefused("no"), 1, "dead letter: SUPPLIER_ERROR: no"),
        (UnreadableMessage("what?"), 1, "dead letter: UnreadableMessage: what?"),
        (RuntimeError("a mistake"), 2, "abandoned"),
        (RuntimeError("a mistake"), 3, "dead letter: RuntimeError: a mistake"),
    ],
)
async def test_outcome_decides_settlement_of_message(outcome: Exception | None, delivery: int, fate: str) -> None:
    letter = FakeMessage(number=delivery)
    assert await consume(outcome, letter) == [delivery == 3]
    assert letter.fate == fate


async def test_invariant_12_poison_message_does_not_stop_others() -> None:
    letters = [FakeMessage(number=3), FakeMessage(), FakeMessage()]
    stop = asyncio.Event()

    async def handler(body: bytes, last: bool) -> None:
        if last:
            raise RuntimeError("poison")

    await Consumer(FakeBroker(stop, *letters), "queue", handler, slots=1, max_deliveries=3, stop=stop).run()
    assert [letter.fate for letter in letters] == ["dead letter: RuntimeError: poison", "completed", "completed"]


async def test_unavailable_broker_is_retried() -> None:
    letter = FakeMessage()
    await consume(None, BrokerUnavailable(), BrokerUnavailable(), letter)
    assert letter.fate == "completed"


async def test_current_message_is_abandoned_on_cancellation() -> None:
    letter = FakeMessage()
    stop = asyncio.Event()
    started = asyncio.Event()

    async def handler(body: bytes, last: bool) -> None:
        started.set()
        await asyncio.sleep(3600)

    task = asyncio.create_task(
        Consumer(FakeBroker(stop, letter), "queue", handler, slots=1, max_deliveries=3, stop=stop).run()
    )
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert letter.fate == "abandoned"
