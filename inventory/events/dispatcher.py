"""Event dispatcher: one reader of the event log per process delivers matching events to listeners."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn, Protocol
from uuid import UUID

import msgspec

from inventory.core.database import Database
from inventory.core.errors import CursorExpired, CursorUnknown, InventoryError, Unavailable
from inventory.core.logging import get_logger
from inventory.core.settings.database import DatabaseSettings
from inventory.events import log
from inventory.events.cursors import Cursor
from inventory.events.log import EventBatch, EventFilter
from inventory.events.models import Event
from inventory.events.notify_listener import NotifyListener

logger = get_logger()

# Interval of polling without a notification.
_POLL_SECONDS = 1.0
_PAUSE_SECONDS = 1.0
_PAGE = 200


class EventsUnavailable(Unavailable):
    """The event log cannot be read. Try again later."""


class Listener(Protocol):
    """Receives events. The methods must not block."""

    def deliver(self, event: Event, diamonds: tuple[UUID, ...]) -> None:
        """Receive an event and those of its diamonds that match."""

    def end(self, error: InventoryError) -> None:
        """Receive the reason why no more events follow."""


class _ListenerPosition(msgspec.Struct, frozen=True):
    """The filter of a listener, and the position up to which it has received all events."""

    criteria: EventFilter
    after: int


async def _no_pause() -> None:
    """No pause between events."""


def _ignore() -> None:
    """Nothing to do."""


class EventDispatcher:
    """Delivers the events of the log to listeners, in the order of the log.

    A late listener reads missed events in pages up to `position` and then follows from there without awaiting in between,
    so that it misses no event and receives none twice.
    """

    def __init__(
        self, settings: DatabaseSettings, database: Database, on_notification: Callable[[], None] = _ignore
    ) -> None:
        """`on_notification`: called when the log may have grown, before its new events are read."""
        self._database = database
        self._on_notification = on_notification
        self._timeout = settings.timeout_seconds
        self._notify_listener = NotifyListener(settings)
        self._woken = asyncio.Event()
        self._started = asyncio.Event()
        self._newest = Cursor(0, 0)
        self._places: dict[Listener, _ListenerPosition] = {}
        self._by_stone: defaultdict[UUID, set[Listener]] = defaultdict(set)
        self._unbound: set[Listener] = set()  # listeners of all diamonds
        # Awaited after each event; slows the dispatcher down while a fan-out catches up.
        self.pace: Callable[[], Awaitable[None]] = _no_pause

    @property
    def position(self) -> int:
        """Position of the newest event that was delivered."""
        return self._newest.position

    @property
    def listeners(self) -> int:
        """Number of listeners that follow."""
        return len(self._places)

    async def cursor(self) -> Cursor:
        """Return the cursor of the newest event that was delivered.

        Raises:
            EventsUnavailable: the log has not been read yet.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._started.wait()
        except TimeoutError:
            raise EventsUnavailable from None
        return self._newest

    async def resume(self, cursor: Cursor) -> int:
        """Return the position after which the holder of a cursor continues.

        Raises:
            CursorExpired: events after it were pruned.
            CursorUnknown: the event log was reset.
            Unavailable: the database does not answer.
        """
        async with self._database.bounded() as connection:
            return await log.resume(connection, cursor)

    async def page(self, after: int, criteria: EventFilter, limit: int) -> EventBatch:
        """Read the first matching events after a position.

        Raises:
            CursorExpired: events after the position were pruned.
            Unavailable: the database does not answer.
        """
        async with self._database.bounded() as connection:
            return await log.read(connection, after, limit, criteria)

    def follow(self, listener: Listener, criteria: EventFilter, after: int) -> None:
        """Deliver events after a position, which must not precede `position`. Await `cursor` first."""
        assert self._started.is_set(), "await `cursor` first"  # noqa: S101 - a mistake of ours
        assert after >= self.position, "the listener would miss events"  # noqa: S101 - a mistake of ours
        self._places[listener] = _ListenerPosition(criteria, after)
        if criteria.diamond_ids is None:
            self._unbound.add(listener)
        else:
            for stone in criteria.diamond_ids:
                self._by_stone[stone].add(listener)

    def unfollow(self, listener: Listener) -> None:
        """Stop the delivery to a listener."""
        place = self._places.pop(listener, None)
        if place is None:
            return
        self._unbound.discard(listener)
        for stone in place.criteria.diamond_ids or ():
            self._by_stone[stone].discard(listener)
            if not self._by_stone[stone]:
                del self._by_stone[stone]

    async def run(self) -> NoReturn:
        """Follow the log until cancelled; wait while the database is unavailable."""
        listening = asyncio.create_task(self._notify_listener.run(self._notified))
        failing = False
        try:
            while True:
                self._woken.clear()
                try:
                    await self._advance(returning=failing)
                except Exception as error:
                    if not failing:
                        logger.warning("event_log_read_failed", exc_info=not isinstance(error, Unavailable))
                    failing = True
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                if failing:
                    logger.info("event_log_read_recovered")
                failing = False
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._woken.wait()
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def _advance(self, *, returning: bool = False) -> None:
        """Assign positions to new events and deliver them.

        `returning`: the database was unavailable; it may have been restored and have grown beyond our position.
        """
        more = True
        while more:
            async with self._database.bounded() as connection:
                await log.number(connection)
                if not self._started.is_set():
                    self._newest = await log.newest(connection)
                    self._started.set()
                try:
                    if returning:
                        await log.resume(connection, self._newest)
                    page = await log.read(connection, self.position, _PAGE, EventFilter())
                except (CursorExpired, CursorUnknown) as error:
                    # The outage was longer than the retention of events, or the database was restored.
                    self._newest = await log.newest(connection)
                    self._end(error)
                    return
            for event in page.events:
                self._deliver(event)
                await self.pace()
            if page.last is None:
                return
            self._newest = page.last  # skips events of unknown kinds
            more = page.through < page.newest

    def _notified(self, payload: str) -> None:
        """Handle a notification: it contains the newest position, or nothing if new events have no positions yet."""
        self._on_notification()
        if not payload.isdigit() or int(payload) > self.position:
            self._woken.set()

    def _deliver(self, event: Event) -> None:
        interested = set(self._unbound)
        for stone in event.diamond_ids:
            interested |= self._by_stone.get(stone, frozenset())
        for listener in interested:
            place = self._places[listener]
            if event.position > place.after and (diamonds := place.criteria.matching_diamonds(event)):
                listener.deliver(event, diamonds)
        self._newest = Cursor.of(event)

    def _end(self, error: InventoryError) -> None:
        for listener in list(self._places):
            listener.end(error)
            self.unfollow(listener)
