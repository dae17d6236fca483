"""SQL of hold rows. Every write needs the diamond's lock, in the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from inventory.core.database import Connection
from inventory.trading.models import Hold
from inventory.trading.statements import sql
from inventory.trading.states import HoldState, holds_before


class DueHold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold that is due for the settlement job. `state`: as its row says."""

    id: UUID
    diamond_id: UUID
    supplier_stone_id: str
    state: HoldState
    supplier_hold_id: str | None
    supplier_until: datetime | None
    ended_at: datetime | None


async def now(connection: Connection) -> datetime:
    """Read the database's clock, which decides when holds expire."""
    instant: datetime = await connection.fetchval(sql.now)
    return instant


async def hold(connection: Connection, hold_id: UUID) -> Hold | None:
    """Read a hold."""
    return _hold(await connection.fetchrow(sql.hold, hold_id))


async def holds(connection: Connection, ids: Collection[UUID]) -> Mapping[UUID, Hold]:
    """Read holds by id. Unknown ids are left out."""
    return {row["id"]: hold_of(row) for row in await connection.fetch(sql.holds_by_id, list(ids))}


async def open_hold(connection: Connection, diamond_id: UUID) -> Hold | None:
    """Read the open hold of a diamond: requested or active, and not past its expiry."""
    return _hold(await connection.fetchrow(sql.open_hold, diamond_id))


async def overdue_hold(connection: Connection, diamond_id: UUID) -> tuple[UUID, HoldState] | None:
    """Read the id and the recorded state of a diamond's hold that is past its expiry and not closed."""
    row = await connection.fetchrow(sql.overdue_hold, diamond_id)
    return (row["id"], HoldState(row["state"])) if row else None


async def count_open_holds(connection: Connection, client_id: str, reference: str | None) -> tuple[int, int]:
    """Count the open holds of a client, and those of them with a reference."""
    row = await connection.fetchrow(sql.count_open_holds, client_id, reference)
    assert row is not None  # noqa: S101 - an aggregate without groups
    return row["of_client"], row["of_reference"]


async def add_hold(
    connection: Connection,
    diamond_id: UUID,
    client_id: str,
    reference: str | None,
    *,
    price_cents: int,
    supplier_price_cents: int,
    minutes: int,
    blocks_seconds: float,
    due_seconds: float,
) -> Hold:
    """Insert a requested hold.

    `minutes`: requested duration. `blocks_seconds`: time after which a request without an answer no longer reserves the
    diamond. `due_seconds`: time after which the settlement job examines the request.
    """
    row = await connection.fetchrow(
        sql.add_hold,
        diamond_id,
        client_id,
        price_cents,
        minutes,
        blocks_seconds,
        due_seconds,
        supplier_price_cents,
        reference,
    )
    assert row is not None  # noqa: S101 - an INSERT without a condition
    return hold_of(row)


async def postpone_request(connection: Connection, hold_id: UUID, due_seconds: float) -> bool:
    """Postpone the settlement of a request. Returns False if it is settled already."""
    return await connection.fetchval(sql.postpone_request, hold_id, due_seconds) is not None


async def activate_hold(
    connection: Connection, hold_id: UUID, supplier_hold_id: str, supplier_until: datetime | None
) -> Hold | None:
    """Activate a requested hold. Returns None if its state does not allow that."""
    before = holds_before(HoldState.ACTIVE)
    return _hold(await connection.fetchrow(sql.activate_hold, hold_id, supplier_hold_id, supplier_until, before))


async def end_hold(
    connection: Connection,
    hold_id: UUID,
    state: HoldState,
    *,
    reason: str | None = None,
    possibly_granted: bool = False,
) -> Hold | None:
    """End a hold in `state`. Returns None if its state does not allow that.

    `possibly_granted`: the supplier was called, and it is unknown whether it granted the hold.
    """
    return _hold(await connection.fetchrow(sql.end_hold, hold_id, state, reason, possibly_granted, holds_before(state)))


async def extend_hold(connection: Connection, hold_id: UUID, until: datetime, wanted_until: datetime) -> Hold | None:
    """Extend an active hold. Returns None if it is over, or ends later already."""
    return _hold(await connection.fetchrow(sql.extend_hold, hold_id, until, wanted_until))


async def record_supplier_until(connection: Connection, hold_id: UUID, until: datetime) -> Hold | None:
    """Record the expiry of the supplier's hold. Returns None if the hold is not active."""
    return _hold(await connection.fetchrow(sql.record_supplier_until, hold_id, until))


async def any_supplier_hold(connection: Connection) -> bool:
    """Whether an active hold has a hold at the supplier."""
    found: bool = await connection.fetchval(sql.any_supplier_hold)
    return found


async def moved_holds(
    connection: Connection, ends: Mapping[str, datetime], limit: int
) -> Sequence[tuple[UUID, UUID, datetime]]:
    """Find active holds whose expiry at the supplier has changed: ids of the hold and the diamond, and the new expiry.

    `ends`: expiry by the supplier's id of the hold.
    """
    rows = await connection.fetch(sql.moved_holds, list(ends), list(ends.values()), limit)
    return [(row["id"], row["diamond_id"], row["until"]) for row in rows]


async def record_late_grant(
    connection: Connection, hold_id: UUID, supplier_hold_id: str, supplier_until: datetime | None
) -> None:
    """Record that the supplier granted a hold that has ended. Its release at the supplier is due at once."""
    await connection.execute(sql.record_late_grant, hold_id, supplier_hold_id, supplier_until)


async def unreleased_holds(connection: Connection, diamond_id: UUID) -> Sequence[Hold]:
    """Read the ended holds of a diamond that the supplier may still have."""
    return [hold_of(row) for row in await connection.fetch(sql.unreleased_holds, diamond_id)]


async def supplier_hold_expired(connection: Connection, hold_id: UUID) -> bool:
    """Whether the supplier's hold has certainly expired."""
    expired: bool = await connection.fetchval(sql.supplier_hold_expired, hold_id)
    return expired


async def clear_due(connection: Connection, hold_id: UUID) -> None:
    """Record that nothing is due for an ended hold."""
    await connection.execute(sql.clear_due, hold_id)


async def clear_due_of_diamond(connection: Connection, diamond_id: UUID) -> None:
    """Record that nothing is due for the ended holds of a diamond."""
    await connection.execute(sql.clear_due_of_diamond, diamond_id)


async def is_known_supplier_hold(connection: Connection, supplier_hold_id: str) -> bool:
    """Whether a hold row has this id at the supplier."""
    known: bool = await connection.fetchval(sql.is_known_supplier_hold, supplier_hold_id)
    return known


async def assign_supplier_hold(connection: Connection, hold_id: UUID, supplier_hold_id: str) -> bool:
    """Record the supplier's id of a hold. Returns False if another hold has that id."""
    return await connection.fetchval(sql.assign_supplier_hold, hold_id, supplier_hold_id) is not None


async def has_other_request(connection: Connection, diamond_id: UUID, except_for: UUID | None) -> bool:
    """Whether another hold of the diamond waits for the supplier's answer."""
    found: bool = await connection.fetchval(sql.has_other_request, diamond_id, except_for)
    return found


async def claim_due_hold(connection: Connection, *, with_supplier: bool) -> DueHold | None:
    """Claim the hold that has been due for longest. Without the supplier, claim overdue holds only."""
    row = await connection.fetchrow(sql.claim_due_hold, with_supplier)
    return msgspec.convert(dict(row), DueHold) if row else None


async def queue_supplier_release(connection: Connection, hold_id: UUID) -> None:
    """Queue the release of an ended hold at the supplier."""
    await connection.execute(sql.queue_supplier_release, hold_id)


def hold_of(row: asyncpg.Record) -> Hold:
    """Convert a row of `hold_columns`."""
    return msgspec.convert(dict(row), Hold)


def _hold(row: asyncpg.Record | None) -> Hold | None:
    return hold_of(row) if row else None
