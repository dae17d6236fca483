"""State transitions of holds: each writes the row and its event in the caller's transaction, with the diamond locked."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from inventory.core.database import Connection
from inventory.core.logging import get_logger
from inventory.core.settings.trading import TradingSettings
from inventory.events.log import append
from inventory.events.models import REFERENCE, EventKind, NewEvent
from inventory.suppliers.ports import SupplierHold
from inventory.trading import hold_repository
from inventory.trading.models import Hold, TradedDiamond
from inventory.trading.ownership import Holder
from inventory.trading.states import HoldState
from inventory.trading.timeouts import settlement_seconds

log = get_logger()

# A request whose outcome stays unknown blocks the diamond for this long at least: enough for an outage of the supplier.
_BLOCKS_SECONDS = 1800.0

# Reasons of a denial: the supplier denied the hold, did not answer the connection, does not have the hold, or never answered.
DENIED = "denied"
UNREACHED = "unreached"
NOT_HELD = "not held"
NEVER_SETTLED = "never settled"

_EVENTS = {
    HoldState.REQUESTED: EventKind.HOLD_REQUESTED,
    HoldState.ACTIVE: EventKind.HOLD_ACTIVATED,
    HoldState.DENIED: EventKind.HOLD_DENIED,
    HoldState.RELEASED: EventKind.HOLD_RELEASED,
    HoldState.EXPIRED: EventKind.HOLD_EXPIRED,
    HoldState.PURCHASED: EventKind.HOLD_PURCHASED,
}


async def open_hold(connection: Connection, diamond_id: UUID) -> Hold | None:
    """Return the open hold of a diamond. If there is none, close an overdue one.

    Call it before reading the diamond's availability. A hold that expires between the two reads is then either open or
    over for both of them.
    """
    present = await hold_repository.open_hold(connection, diamond_id)
    if present is None:
        await close_overdue(connection, diamond_id)
    return present


async def reserve(
    connection: Connection, settings: TradingSettings, diamond: TradedDiamond, holder: Holder, minutes: int
) -> Hold:
    """Create a requested hold, which reserves the diamond until the supplier has answered."""
    due_seconds = settlement_seconds(settings)
    hold = await hold_repository.add_hold(
        connection,
        diamond.id,
        holder.client_id,
        holder.reference,
        price_cents=diamond.retail_price_cents,
        supplier_price_cents=diamond.supplier_price_cents,
        minutes=minutes,
        blocks_seconds=max(_BLOCKS_SECONDS, 2 * due_seconds),
        due_seconds=due_seconds,
    )
    await _append_event(connection, hold)
    return hold


async def settle(connection: Connection, hold_id: UUID, answer: SupplierHold) -> Hold:
    """Apply the supplier's answer to a requested hold.

    If the supplier granted a hold that has ended here meanwhile, its release at the supplier is queued.
    """
    settled: Hold | None
    if answer.id is None:
        settled = await end(connection, hold_id, HoldState.DENIED, reason=DENIED)
    else:
        settled = await hold_repository.activate_hold(connection, hold_id, answer.id, answer.until)
        if settled is not None:
            # The kind is explicit: a late answer may activate a hold whose time has passed. Its expiry is another event.
            await _append_event(connection, settled, EventKind.HOLD_ACTIVATED)
    if settled is not None:
        return settled
    present = await hold_repository.hold(connection, hold_id)
    assert present is not None  # noqa: S101 - holds are never deleted
    if answer.id is None:
        return present
    if present.open and present.supplier_hold_id == answer.id:
        if answer.until is not None:
            await record_supplier_end(connection, hold_id, answer.until)
        return await hold_repository.hold(connection, hold_id) or present
    if not present.open:
        await close_overdue(connection, present.diamond_id)
        await hold_repository.record_late_grant(connection, hold_id, answer.id, answer.until)
    return present


async def settle_by_lookup(connection: Connection, hold_id: UUID, found: Sequence[SupplierHold]) -> bool:
    """Settle a request without an answer from this account's holds of the diamond. Returns whether the supplier granted it.

    A hold that no other row knows is the requested one. If there is none, the request is denied.
    """
    for shown in found:
        if shown.id and not await hold_repository.is_known_supplier_hold(connection, shown.id):
            await settle(connection, hold_id, shown)
            return True
    await end(connection, hold_id, HoldState.DENIED, reason=NOT_HELD)
    return False


async def extend(connection: Connection, hold_id: UUID, until: datetime, requested_until: datetime) -> Hold | None:
    """Extend a hold. Returns None if it is over, or ends later already."""
    extended = await hold_repository.extend_hold(connection, hold_id, until, requested_until)
    if extended is not None:
        await _append_event(connection, extended, EventKind.HOLD_EXTENDED)
    return extended


async def record_supplier_end(connection: Connection, hold_id: UUID, until: datetime) -> None:
    """Record a new expiry of the supplier's hold under an active hold.

    The client's hold is extended up to the requested end. It is never shortened.
    """
    present = await hold_repository.hold(connection, hold_id)
    updated = await hold_repository.record_supplier_until(connection, hold_id, until)
    if updated is None or present is None:
        return
    log.info("hold_end_moved", hold_id=str(hold_id), supplier_until=until, expires_at=updated.expires_at)
    if updated.until > present.until:
        await _append_event(connection, updated, EventKind.HOLD_EXTENDED)


async def close_overdue(connection: Connection, diamond_id: UUID) -> None:
    """Expire or deny the hold of a diamond whose time has passed."""
    overdue = await hold_repository.overdue_hold(connection, diamond_id)
    if overdue is None:
        return
    hold_id, state = overdue
    if state is HoldState.REQUESTED:
        await end(connection, hold_id, HoldState.DENIED, reason=NEVER_SETTLED, possibly_granted=True)
    else:
        await end(connection, hold_id, HoldState.EXPIRED)


async def end(
    connection: Connection,
    hold_id: UUID,
    state: HoldState,
    *,
    reason: str | None = None,
    possibly_granted: bool = False,
) -> Hold | None:
    """End a hold. Returns None if its state does not allow this end.

    `possibly_granted`: the supplier may have granted the request, so its release at the supplier is queued.
    """
    ended = await hold_repository.end_hold(connection, hold_id, state, reason=reason, possibly_granted=possibly_granted)
    if ended is not None:
        await _append_event(connection, ended)
    return ended


async def _append_event(connection: Connection, hold: Hold, kind: EventKind | None = None) -> None:
    facts: dict[str, object] = {"until": hold.until}
    if hold.reason is not None:
        facts["reason"] = hold.reason
    if hold.reference is not None:
        facts[REFERENCE] = hold.reference
    await append(
        connection,
        NewEvent(
            kind=kind or _EVENTS[hold.state],
            diamond_ids=(hold.diamond_id,),
            client_id=hold.client_id,
            hold_id=hold.id,
            data=facts,
        ),
    )
