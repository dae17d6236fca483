"""Who follows what: what happens is shown once for all who asked for the same, and waits in bounded queues to be sent."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
from graphql import ExecutionResult, Executor

from app.graphql.http.errors import format_error, unforeseen
from app.graphql.roots.topics import Show
from app.graphql.types.events import Heard
from inventory.core.errors import InventoryError, Unavailable
from inventory.core.logging import get_logger
from inventory.events import cursors
from inventory.events.cursors import Cursor
from inventory.events.models import Event

log = get_logger()

# How many events, and of how many stones, are shown at once.
BATCH = 50
_STONES = 500
# When a group has so much to show, no more of the log is read for so long; where that does not help, it is too slow.
_MUCH_DUE = 2000
_RELIEF_SECONDS = 10.0
_MOST_DUE = 20_000
_PAUSE_SECONDS = 1.0

_encoder = msgspec.json.Encoder()


class SlowConsumer(InventoryError):
    """You take what happens more slowly than it happens; subscribe again after the cursor in the details."""

    code = "SLOW_CONSUMER"

    def __init__(self, cursor: Cursor) -> None:
        super().__init__(details={"cursor": cursors.encode(cursor)})


class Group:
    """Those who asked for the same fields and may see the same: what happens is shown once for all of them."""

    def __init__(self, executor: Executor[Any], show: Show) -> None:
        self._executor = executor
        self._show = show
        self._due: OrderedDict[tuple[int, tuple[UUID, ...]], tuple[Heard, list[Subscriber]]] = OrderedDict()
        self._wake = asyncio.Event()
        self._relieved = asyncio.Event()
        self._shown: tuple[object, asyncio.Task[bytes]] | None = None
        self._working = asyncio.create_task(self._work())
        self.members = 0

    def close(self) -> None:
        """Show nothing more."""
        self._working.cancel()
        self._relieved.set()

    @property
    def pressed(self) -> bool:
        """Whether it has so much to show that it should get no more."""
        return len(self._due) > _MUCH_DUE

    async def relief(self) -> None:
        """Wait until it has less to show, up to a limit."""
        self._relieved.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_RELIEF_SECONDS):
                await self._relieved.wait()

    def hear(self, heard: Heard, subscriber: "Subscriber") -> None:
        """Have an event shown and sent to a subscriber."""
        key = (heard.event.position, heard.own)
        known = self._due.get(key)
        if known:
            known[1].append(subscriber)
        elif len(self._due) < _MOST_DUE:
            self._due[key] = (heard, [subscriber])
            self._wake.set()
        else:
            subscriber.fall_behind()

    async def show(self, things: Sequence[object]) -> AsyncGenerator[bytes, None]:
        """The answers to the operation for what has happened, one after the other. An outage is waited for."""
        for root in await self._roots(things):
            result = self._executor.build_per_event_executor(root).execute_operation(False)
            if self._executor.is_awaitable(result):
                result = await result
            assert isinstance(result, ExecutionResult)  # noqa: S101 - nothing here is deferred
            answer: dict[str, object] = {"data": result.data}
            if result.errors:
                answer["errors"] = [format_error(error) for error in result.errors]
            yield _encoder.encode(answer)
            await asyncio.sleep(0)  # the others have their turn

    async def _roots(self, things: Sequence[object]) -> list[object]:
        while True:
            try:
                return await self._show(things)
            except Unavailable as error:
                log.warning("events can't be shown", code=error.code)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def show_once(self, thing: object) -> bytes:
        """`show` of one thing that all members have in hand at about the same time."""
        if self._shown is None or self._shown[0] is not thing:
            self._shown = (thing, asyncio.create_task(self._show_one(thing)))
        return await asyncio.shield(self._shown[1])

    async def _show_one(self, thing: object) -> bytes:
        (answer,) = [answer async for answer in self.show([thing])]
        return answer

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                await self._send(self._next())
                if not self.pressed:
                    self._relieved.set()

    async def _send(self, batch: Sequence[tuple[Heard, "list[Subscriber]"]]) -> None:
        left = deque(batch)
        try:
            async for answer in self.show([heard for heard, _ in batch]):
                heard, subscribers = left.popleft()
                for subscriber in subscribers:
                    subscriber.put(answer, heard.event)
        except Exception as error:  # noqa: BLE001 - told to those who wait for it, and logged there
            for _, subscribers in left:
                for subscriber in subscribers:
                    subscriber.end(unforeseen(error))

    def _next(self) -> list[tuple[Heard, "list[Subscriber]"]]:
        batch: list[tuple[Heard, list[Subscriber]]] = []
        stones = 0
        while self._due and len(batch) < BATCH and stones < _STONES:
            _, due = self._due.popitem(last=False)
            batch.append(due)
            stones += len(due[0].own)
        return batch


class Subscriber:
    """One subscription at the live end of the log. Holds a bounded number of answers that wait to be sent."""

    def __init__(self, group: Group, cursor: Cursor, *, most: int, most_bytes: int) -> None:
        """`cursor`: up to where everything was sent already."""
        self._group = group
        self._cursor = cursor
        self._most = most
        self._most_bytes = most_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._error: InventoryError | None = None

    def caught_up(self, cursor: Cursor) -> None:
        """Everything up to there was sent otherwise."""
        self._cursor = cursor

    def hear(self, event: Event, own: tuple[UUID, ...]) -> None:
        if self._error is None:
            self._group.hear(Heard(event, own), self)

    def put(self, answer: bytes, event: Event) -> None:
        """Have an answer sent."""
        if self._error is not None:
            return
        if len(self._waiting) >= self._most or (self._waiting and self._bytes + len(answer) > self._most_bytes):
            self.fall_behind()
            return
        self._waiting.append(answer)
        self._bytes += len(answer)
        self._cursor = Cursor.of(event)
        self._wake.set()

    def fall_behind(self) -> None:
        """There is more than can be kept for it."""
        self.end(SlowConsumer(self._cursor))

    def end(self, error: InventoryError) -> None:
        if self._error is None:
            self._error = error
            self._wake.set()

    async def answers(self) -> AsyncGenerator[bytes, None]:
        """What waits to be sent, as it comes in.

        Raises:
            InventoryError: after the last answer, why there are no more.
        """
        while True:
            while self._waiting:
                answer = self._waiting.popleft()
                self._bytes -= len(answer)
                yield answer
            if self._error is not None:
                raise self._error
            self._wake.clear()
            await self._wake.wait()
