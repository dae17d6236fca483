"""Event log in Postgres. Transactions append to it; listeners read it after a position.

Readers miss no event and see all events in one order, because only committed events get positions, from one process at a
time: see `number`.
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from inventory.core.database import Connection
from inventory.core.errors import CursorExpired, CursorUnknown
from inventory.core.logging import get_logger
from inventory.core.sql import Statements
from inventory.events.cursors import Cursor, instant
from inventory.events.models import REFERENCE, Event, EventKind, NewEvent

logger = get_logger()

sql = Statements("inventory.events")

# A change of more diamonds becomes several events.
STONES_PER_EVENT = 100
# Largest range of positions that one statement scans, even if few of its events match.
_SPAN = 20_000

_KINDS = frozenset(EventKind)
# Event kinds of newer versions that this process does not know; each is logged once.
_unknown: set[str] = set()


class LogBounds(msgspec.Struct, frozen=True):
    """Positions of the oldest and the newest stored event. In an empty log oldest is newest + 1."""

    oldest: int
    newest: int


class EventFilter(msgspec.Struct, frozen=True):
    """Which events match. A criterion that is None matches every event."""

    diamond_ids: frozenset[UUID] | None = None
    kinds: frozenset[EventKind] | None = None
    client_id: str | None = None
    reference: str | None = None

    def matching_diamonds(self, event: Event) -> tuple[UUID, ...]:
        """The diamonds of an event that match; none if the event does not match."""
        if self.kinds is not None and event.kind not in self.kinds:
            return ()
        if self.client_id is not None and event.client_id != self.client_id:
            return ()
        if self.reference is not None and event.data.get(REFERENCE) != self.reference:
            return ()
        if self.diamond_ids is None:
            return event.diamond_ids
        return tuple(key for key in event.diamond_ids if key in self.diamond_ids)


class EventBatch(msgspec.Struct, frozen=True):
    """Events in order. `through`: the position to continue from; no other event matches up to it.

    Events of an unknown kind, which a newer version writes during a deployment, are omitted. `last`: the cursor of the last
    event found, of a known kind or not. `newest`: the newest position of the log.
    """

    events: Sequence[Event]
    through: int
    last: Cursor | None
    newest: int


async def append(connection: Connection, event: NewEvent) -> None:
    """Append an event in the caller's transaction; its commit notifies readers. Without diamonds it does nothing.

    Append after locking or writing the rows that the event concerns, so that the events of one diamond keep their order.
    """
    if not event.diamond_ids:
        return
    await connection.execute(
        sql.append,
        event.kind.value,
        event.diamond_ids,
        event.client_id,
        event.hold_id,
        event.purchase_id,
        event.run_id,
        STONES_PER_EVENT,
        event.data,
    )


async def number(connection: Connection) -> None:
    """Assign positions to committed events. Any process may call it at any time, outside a transaction."""
    await connection.execute(sql.number)


async def bounds(connection: Connection) -> LogBounds:
    """Return the positions that can be read."""
    row = await connection.fetchrow(sql.bounds)
    assert row is not None  # noqa: S101 - the counter's row is never deleted
    return LogBounds(row["oldest"], row["newest"])


async def newest(connection: Connection) -> Cursor:
    """Return the cursor of the newest event."""
    position = (await bounds(connection)).newest
    occurred_at = await connection.fetchval(sql.instant, position)
    return Cursor(position, instant(occurred_at) if occurred_at else 0)


async def resume(connection: Connection, cursor: Cursor) -> int:
    """Return the position after which the holder of a cursor continues.

    Raises:
        CursorExpired: events after it were pruned.
        CursorUnknown: the event log was reset.
    """
    found = await bounds(connection)
    if cursor.position > found.newest:
        raise CursorUnknown
    if cursor.position < found.oldest - 1:
        raise CursorExpired
    occurred_at = await connection.fetchval(sql.instant, cursor.position)
    # The event of the cursor itself may be the newest pruned one; then no row can be compared.
    if occurred_at is not None and instant(occurred_at) != cursor.instant:
        raise CursorUnknown
    return cursor.position


async def read(connection: Connection, after: int, limit: int, criteria: EventFilter) -> EventBatch:
    """Read up to `limit` matching events after a position. Call it until `through` is the newest position.

    Raises:
        CursorExpired: events after the position were pruned.
        CursorUnknown: the position lies beyond the log.
    """
    rows = await connection.fetch(
        sql.read,
        after,
        after + _SPAN,
        limit,
        None if criteria.diamond_ids is None else list(criteria.diamond_ids),
        None if criteria.kinds is None else [kind.value for kind in criteria.kinds],
        criteria.client_id,
        criteria.reference,
    )
    found = LogBounds(rows[0]["oldest"], rows[0]["newest"])
    if after > found.newest:
        raise CursorUnknown
    if after < found.oldest - 1:
        raise CursorExpired
    matching = [row for row in rows if row["position"] is not None]
    last = Cursor(matching[-1]["position"], instant(matching[-1]["occurred_at"])) if matching else None
    through = last.position if last and len(matching) == limit else min(after + _SPAN, found.newest)
    return EventBatch([_event(row) for row in matching if _known(row["kind"])], through, last, found.newest)


async def prune(connection: Connection, days: int, limit: int) -> int:
    """Delete up to `limit` events that are older than `days`; return how many."""
    return len(await connection.fetch(sql.prune, days, limit))


async def data_version(connection: Connection) -> str:
    """Version of the visible data: changes whenever diamonds, holds or purchases change. One short statement."""
    version: str = await connection.fetchval(sql.data_version)
    return version


def _known(kind: str) -> bool:
    if kind in _KINDS:
        return True
    if kind not in _unknown:
        _unknown.add(kind)
        logger.warning("event_kind_unknown", kind=kind)
    return False


def _event(row: asyncpg.Record) -> Event:
    return Event(
        position=row["position"],
        kind=EventKind(row["kind"]),
        occurred_at=row["occurred_at"],
        diamond_ids=tuple(row["diamond_ids"]),
        client_id=row["client_id"],
        hold_id=row["hold_id"],
        purchase_id=row["purchase_id"],
        run_id=row["run_id"],
        data=row["data"],
    )
