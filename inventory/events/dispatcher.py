"""The live end of the log: one reader for a whole process, which tells each listener only what it wants to hear."""

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
from inventory.core.settings import Settings
from inventory.events import log
from inventory.events.cursors import Cursor
from inventory.events.log import Filter, Slice
from inventory.events.models import Event, EventKind
from inventory.events.notify_listener import Wakeup

logger = get_logger()

# How often the log is looked at without a sign.
_POLL_SECONDS = 1.0
_PAUSE_SECONDS = 1.0
_PAGE = 200


class EventsUnavailable(Unavailable):
    """The event log can't be read; try again soon."""


class Wanted(msgspec.Struct, frozen=True):
    """Which events a listener follows; None for all of them."""

    diamond_ids: frozenset[UUID] | None = None
    kinds: frozenset[EventKind] | None = None
    client_id: str | None = None

    def own(self, event: Event) -> tuple[UUID, ...]:
        """The stones of an event that are wanted; none where the event isn't."""
        if self.kinds is not None and event.kind not in self.kinds:
            return ()
        if self.client_id is not None and event.client_id != self.client_id:
            return ()
        if self.diamond_ids is None:
            return event.diamond_ids
        return tuple(stone for stone in event.diamond_ids if stone in self.diamond_ids)


class Listener(Protocol):
    """A listener of the log. Neither method may wait."""

    def hear(self, event: Event, own: tuple[UUID, ...]) -> None:
        """An event has happened to stones that are wanted: `own`."""

    def end(self, error: InventoryError) -> None:
        """There will be nothing more, because of this."""


class _Place(msgspec.Struct, frozen=True):
    """What a listener wants, and the position up to which it has heard everything."""

    wanted: Wanted
    after: int


async def _at_once() -> None:
    """No pause between events."""


class Hub:
    """Follows the log and tells the listeners, in the log's order.

    A listener that comes late reads what it missed in pages, up to `position`, and then follows from there without
    waiting in between: so there is no gap and nothing twice.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._timeout = settings.database_timeout_seconds
        self._wakeup = Wakeup(settings)
        self._woken = asyncio.Event()
        self._started = asyncio.Event()
        self._newest = Cursor(0, 0)
        self._places: dict[Listener, _Place] = {}
        self._by_stone: defaultdict[UUID, set[Listener]] = defaultdict(set)
        self._unbound: set[Listener] = set()  # those who want to hear of all stones
        # Awaited after each event, so that a fan-out to many listeners sets the pace.
        self.pace: Callable[[], Awaitable[None]] = _at_once

    @property
    def position(self) -> int:
        """Up to where the listeners have been told."""
        return self._newest.position

    async def cursor(self) -> Cursor:
        """The cursor of the newest event that the listeners have been told of.

        Raises:
            EventsUnavailable: the log could not be read yet.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._started.wait()
        except TimeoutError:
            raise EventsUnavailable from None
        return self._newest

    async def resume(self, cursor: Cursor) -> int:
        """The position after which the holder of a cursor goes on.

        Raises:
            CursorExpired: events after it are no longer kept.
            CursorUnknown: it comes from another history than this log's.
            Unavailable: that can't be known now.
        """
        async with self._database.bounded() as connection:
            return await log.resume(connection, cursor)

    async def page(self, after: int, wanted: Wanted, limit: int) -> Slice:
        """The first events after a position that are wanted.

        Raises:
            CursorExpired: events after the position are no longer kept.
            Unavailable: they can't be read now.
        """
        async with self._database.bounded() as connection:
            chosen = Filter(wanted.diamond_ids, wanted.kinds, wanted.client_id)
            return await log.read(connection, after, limit, chosen)

    def follow(self, listener: Listener, wanted: Wanted, after: int) -> None:
        """Tell a listener of everything from a position on, which must not lie before `position`. Await `cursor` first."""
        assert self._started.is_set(), "what was missed is not known yet"  # noqa: S101 - a mistake of ours
        assert after >= self.position, "it would miss what lies between"  # noqa: S101 - a mistake of ours
        self._places[listener] = _Place(wanted, after)
        if wanted.diamond_ids is None:
            self._unbound.add(listener)
        else:
            for stone in wanted.diamond_ids:
                self._by_stone[stone].add(listener)

    def leave(self, listener: Listener) -> None:
        """Tell a listener nothing more."""
        place = self._places.pop(listener, None)
        if place is None:
            return
        self._unbound.discard(listener)
        for stone in place.wanted.diamond_ids or ():
            self._by_stone[stone].discard(listener)
            if not self._by_stone[stone]:
                del self._by_stone[stone]

    async def run(self) -> NoReturn:
        """Follow the log until cancelled. An outage is waited for."""
        listening = asyncio.create_task(self._wakeup.run(self._sign))
        in_trouble = False
        try:
            while True:
                self._woken.clear()
                try:
                    await self._advance(returning=in_trouble)
                except Exception as error:
                    if not in_trouble:
                        logger.warning("events can't be read", exc_info=not isinstance(error, Unavailable))
                    in_trouble = True
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                if in_trouble:
                    logger.info("events are read again")
                in_trouble = False
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._woken.wait()
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def _advance(self, *, returning: bool = False) -> None:
        """Give new events their positions, and tell of those that the listeners have not heard of.

        `returning`: the log was away, and may be another one by now, which has grown beyond our position.
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
                    page = await log.read(connection, self.position, _PAGE, Filter())
                except (CursorExpired, CursorUnknown) as error:
                    # We were away for very long, or the database is another one now.
                    self._newest = await log.newest(connection)
                    self._end(error)
                    return
            for event in page.events:
                self._tell(event)
                await self.pace()
            if page.last is None:
                return
            self._newest = page.last  # beyond what is not known here, which must not be read again and again
            more = page.through < page.newest

    def _sign(self, said: str) -> None:
        """The log has grown: it says up to where, or nothing where the new events have no positions yet."""
        if not said.isdigit() or int(said) > self.position:
            self._woken.set()

    def _tell(self, event: Event) -> None:
        interested = set(self._unbound)
        for stone in event.diamond_ids:
            interested |= self._by_stone.get(stone, frozenset())
        for listener in interested:
            place = self._places[listener]
            if event.position > place.after and (own := place.wanted.own(event)):
                listener.hear(event, own)
        self._newest = Cursor.of(event)

    def _end(self, error: InventoryError) -> None:
        for listener in list(self._places):
            listener.end(error)
            self.leave(listener)
