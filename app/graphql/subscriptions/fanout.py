"""Fan-out of events: encode each event once per group of equal subscriptions, and queue it for every subscriber."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
from graphql import ExecutionResult, Executor

from app.graphql.execution.errors import format_error, unforeseen
from app.graphql.topics import MatchedEvent, Present
from inventory.core.errors import InventoryError, Unavailable
from inventory.core.logging import get_logger
from inventory.events import cursors
from inventory.events.cursors import Cursor
from inventory.events.models import Event

log = get_logger()

# Largest batch of events, and of diamonds in them.
BATCH = 50
_STONES = 500
# With this backlog a group delays the dispatcher for at most `_RELIEF_SECONDS`; beyond `_MAX_DUE` its subscribers end.
_MUCH_DUE = 2000
_RELIEF_SECONDS = 10.0
_MAX_DUE = 20_000
_PAUSE_SECONDS = 1.0

_encoder = msgspec.json.Encoder()


class SlowConsumer(InventoryError):
    """The client reads events more slowly than they occur. Subscribe again after the cursor in the details."""

    code = "SLOW_CONSUMER"

    def __init__(self, cursor: Cursor) -> None:
        super().__init__(details={"cursor": cursors.encode(cursor)})


class SubscriberGroup:
    """Subscribers with equal selections and scopes. Each event is encoded once for all of them."""

    def __init__(self, executor: Executor[Any], present: Present) -> None:
        self._executor = executor
        self._present = present
        self._due: OrderedDict[tuple[int, tuple[UUID, ...]], tuple[MatchedEvent, list[Subscriber]]] = OrderedDict()
        self._wake = asyncio.Event()
        self._relieved = asyncio.Event()
        self._encoded: tuple[object, asyncio.Task[bytes]] | None = None
        self._working = asyncio.create_task(self._work())
        self.members = 0

    def close(self) -> None:
        """Stop encoding events."""
        self._working.cancel()
        self._relieved.set()

    @property
    def pressed(self) -> bool:
        """Whether the backlog is large enough to delay the dispatcher."""
        return len(self._due) > _MUCH_DUE

    async def relief(self) -> None:
        """Wait until the backlog shrinks, with a time limit."""
        self._relieved.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_RELIEF_SECONDS):
                await self._relieved.wait()

    def deliver(self, matched: MatchedEvent, subscriber: "Subscriber") -> None:
        """Queue an event for a subscriber."""
        key = (matched.event.position, matched.diamonds)
        known = self._due.get(key)
        if known:
            known[1].append(subscriber)
        elif len(self._due) < _MAX_DUE:
            self._due[key] = (matched, [subscriber])
            self._wake.set()
        else:
            subscriber.fall_behind()

    async def encode(self, values: Sequence[object]) -> AsyncGenerator[bytes, None]:
        """Encode the answer of the operation for each value. Waits while the database is unavailable."""
        for root in await self._roots(values):
            result = self._executor.build_per_event_executor(root).execute_operation(False)
            if self._executor.is_awaitable(result):
                result = await result
            assert isinstance(result, ExecutionResult)  # noqa: S101 - nothing here is deferred
            answer: dict[str, object] = {"data": result.data}
            if result.errors:
                answer["errors"] = [format_error(error) for error in result.errors]
            yield _encoder.encode(answer)
            await asyncio.sleep(0)  # lets other tasks run

    async def _roots(self, values: Sequence[object]) -> list[object]:
        while True:
            try:
                return await self._present(values)
            except Unavailable as error:
                log.warning("event_encoding_failed", code=error.code)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def encode_once(self, value: object) -> bytes:
        """Encode one value that all subscribers of the group receive at about the same time."""
        if self._encoded is None or self._encoded[0] is not value:
            self._encoded = (value, asyncio.create_task(self._encode_one(value)))
        return await asyncio.shield(self._encoded[1])

    async def _encode_one(self, value: object) -> bytes:
        (answer,) = [answer async for answer in self.encode([value])]
        return answer

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                await self._send(self._next())
                if not self.pressed:
                    self._relieved.set()

    async def _send(self, batch: Sequence[tuple[MatchedEvent, "list[Subscriber]"]]) -> None:
        left = deque(batch)
        try:
            async for answer in self.encode([matched for matched, _ in batch]):
                matched, subscribers = left.popleft()
                for subscriber in subscribers:
                    subscriber.put(answer, matched.event)
        except Exception as error:  # noqa: BLE001 - told to those who wait for it, and logged there
            for _, subscribers in left:
                for subscriber in subscribers:
                    subscriber.end(unforeseen(error))

    def _next(self) -> list[tuple[MatchedEvent, "list[Subscriber]"]]:
        batch: list[tuple[MatchedEvent, list[Subscriber]]] = []
        stones = 0
        while self._due and len(batch) < BATCH and stones < _STONES:
            _, due = self._due.popitem(last=False)
            batch.append(due)
            stones += len(due[0].diamonds)
        return batch


class Subscriber:
    """A subscription that receives new events. Its queue of answers is bounded."""

    def __init__(self, group: SubscriberGroup, cursor: Cursor, *, most: int, most_bytes: int) -> None:
        """`cursor`: the last event that was sent."""
        self._group = group
        self._cursor = cursor
        self._most = most
        self._max_bytes = most_bytes
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._error: InventoryError | None = None

    def caught_up(self, cursor: Cursor) -> None:
        """Record that events up to the cursor were sent."""
        self._cursor = cursor

    def deliver(self, event: Event, diamonds: tuple[UUID, ...]) -> None:
        if self._error is None:
            self._group.deliver(MatchedEvent(event, diamonds), self)

    def put(self, answer: bytes, event: Event) -> None:
        """Queue an answer."""
        if self._error is not None:
            return
        if len(self._queue) >= self._most or (self._queue and self._bytes + len(answer) > self._max_bytes):
            self.fall_behind()
            return
        self._queue.append(answer)
        self._bytes += len(answer)
        self._cursor = Cursor.of(event)
        self._wake.set()

    def fall_behind(self) -> None:
        """End the subscription because its queue is full."""
        self.end(SlowConsumer(self._cursor))

    def end(self, error: InventoryError) -> None:
        if self._error is None:
            self._error = error
            self._wake.set()

    async def answers(self) -> AsyncGenerator[bytes, None]:
        """Yield answers as they arrive.

        Raises:
            InventoryError: the reason of the end, after the last answer.
        """
        while True:
            while self._queue:
                answer = self._queue.popleft()
                self._bytes -= len(answer)
                yield answer
            if self._error is not None:
                raise self._error
            self._wake.clear()
            await self._wake.wait()
