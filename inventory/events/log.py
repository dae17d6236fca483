"""The event log in Postgres: each change appends to it, and listeners read it after a position.

A reader never misses an event and never sees two in another order, because positions are given to committed events only,
by one process at a time: see `number`.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg
import msgspec

from inventory.core.database import Connection
from inventory.core.errors import CursorExpired, CursorUnknown
from inventory.core.logging import get_logger
from inventory.core.sql import Statements
from inventory.events.cursors import Cursor, instant
from inventory.events.models import Event, EventKind, NewEvent

logger = get_logger()

sql = Statements("inventory.events")

# What concerns more stones becomes several events.
STONES_PER_EVENT = 100
# How many positions one statement looks through at most, however few of its events are asked for.
_SPAN = 20_000

_KINDS = frozenset(EventKind)
# Kinds that newer processes write and this one does not know; each is logged once.
_unknown: set[str] = set()


class Bounds(msgspec.Struct, frozen=True):
    """The positions of the oldest event that is kept and of the newest one. Without any event oldest is newest + 1."""

    oldest: int
    newest: int


class Filter(msgspec.Struct, frozen=True):
    """Which events are asked for; None for all."""

    diamond_ids: Collection[UUID] | None = None
    kinds: Collection[EventKind] | None = None
    client_id: str | None = None


class Slice(msgspec.Struct, frozen=True):
    """Events in order, and the position up to which there are no others; `through` is where to read on.

    Events of a kind that this process does not know are left out: a newer one writes them, during a deployment. `last`: the
    cursor of the last event that was found, known or not. `newest`: the newest position that there was.
    """

    events: Sequence[Event]
    through: int
    last: Cursor | None
    newest: int


async def append(connection: Connection, event: NewEvent) -> None:
    """Append an event in the caller's transaction; readers are woken when it commits. Without stones nothing happens.

    Append after the rows that it tells of are locked or written: then what happens to one stone keeps its order.
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
    """Give the committed events that have none their positions. Anyone may, any time; outside a transaction."""
    await connection.execute(sql.number)


async def bounds(connection: Connection) -> Bounds:
    """What of the log can be read."""
    row = await connection.fetchrow(sql.bounds)
    assert row is not None  # noqa: S101 - the counter's row is never deleted
    return Bounds(row["oldest"], row["newest"])


async def newest(connection: Connection) -> Cursor:
    """The cursor after everything that the log holds."""
    position = (await bounds(connection)).newest
    occurred_at = await connection.fetchval(sql.instant, position)
    return Cursor(position, instant(occurred_at) if occurred_at else 0)


async def resume(connection: Connection, cursor: Cursor) -> int:
    """The position after which the holder of a cursor goes on.

    Raises:
        CursorExpired: events after it are no longer kept.
        CursorUnknown: it comes from another history than this log's.
    """
    found = await bounds(connection)
    if cursor.position > found.newest:
        raise CursorUnknown
    if cursor.position < found.oldest - 1:
        raise CursorExpired
    occurred_at = await connection.fetchval(sql.instant, cursor.position)
    # Nothing to compare with where the cursor's own event is the last one that was pruned.
    if occurred_at is not None and instant(occurred_at) != cursor.instant:
        raise CursorUnknown
    return cursor.position


async def read(connection: Connection, after: int, limit: int, wanted: Filter) -> Slice:
    """The first events after a position that are wanted, `limit` of them at most.

    To be called again until `through` is the newest position.

    Raises:
        CursorExpired: events after the position are no longer kept.
        CursorUnknown: the log does not go so far.
    """
    rows = await connection.fetch(
        sql.read,
        after,
        after + _SPAN,
        limit,
        None if wanted.diamond_ids is None else list(wanted.diamond_ids),
        None if wanted.kinds is None else [kind.value for kind in wanted.kinds],
        wanted.client_id,
    )
    found = Bounds(rows[0]["oldest"], rows[0]["newest"])
    if after > found.newest:
        raise CursorUnknown
    if after < found.oldest - 1:
        raise CursorExpired
    matching = [row for row in rows if row["position"] is not None]
    last = Cursor(matching[-1]["position"], instant(matching[-1]["occurred_at"])) if matching else None
    through = last.position if last and len(matching) == limit else min(after + _SPAN, found.newest)
    return Slice([_event(row) for row in matching if _known(row["kind"])], through, last, found.newest)


async def prune(connection: Connection, days: int, limit: int) -> int:
    """Remove events older than that, `limit` of them at most; answers how many."""
    return len(await connection.fetch(sql.prune, days, limit))


async def data_version(connection: Connection) -> str:
    """A text that changes whenever what readers of stones, holds and purchases can see changes. One short statement."""
    version: str = await connection.fetchval(sql.data_version)
    return version


def _known(kind: str) -> bool:
    if kind in _KINDS:
        return True
    if kind not in _unknown:
        _unknown.add(kind)
        logger.warning("events of an unknown kind are passed over", kind=kind)
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
