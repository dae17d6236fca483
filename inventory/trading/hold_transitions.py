"""What becomes of holds: each move with its event, in the caller's transaction, with the stone locked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from inventory.core.database import Connection, Database
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.events.log import append
from inventory.events.models import EventKind, NewEvent
from inventory.suppliers.ports import SupplierHold
from inventory.trading import repository
from inventory.trading.models import Hold
from inventory.trading.states import HoldState

log = get_logger()

# Beyond everything that a call may take by its own limits, before the job takes its process for dead.
_MARGIN_SECONDS = 10.0

# Why a hold was denied: the supplier said no, could not be asked, was asked and does not hold it, or never said anything.
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


def settle_seconds(settings: Settings) -> float:
    """After how long a call to the supplier has certainly ended, unless its process has."""
    return 2 * call_seconds(settings) + _MARGIN_SECONDS


def call_seconds(settings: Settings) -> float:
    """How long the supplier is waited for at the most, from when a turn is asked for to the answer."""
    return settings.trading_patience_seconds + settings.trading_timeout_seconds


@asynccontextmanager
async def locked(database: Database, diamond_id: UUID, client_id: str | None = None) -> AsyncIterator[Connection]:
    """A short transaction that holds the lock of the stone."""
    async with database.bounded_transaction() as connection:
        await repository.lock(connection, diamond_id, client_id)
        yield connection


async def open_hold(connection: Connection, diamond_id: UUID) -> Hold | None:
    """The hold that keeps a stone from others; where there is none, one whose time has passed is written down as over.

    In this order, and before the stone's availability is looked at: a hold that ends in between is either still there or
    over for both, and never neither. The stone is locked.
    """
    present = await repository.open_hold(connection, diamond_id)
    if present is None:
        await close_overdue(connection, diamond_id)
    return present


async def close_overdue(connection: Connection, diamond_id: UUID) -> None:
    """Write down that a stone's hold is over whose time has passed. The stone is locked."""
    overdue = await repository.overdue_hold(connection, diamond_id)
    if overdue is None:
        return
    hold_id, state = overdue
    if state is HoldState.REQUESTED:
        await end(connection, hold_id, HoldState.DENIED, reason=NEVER_SETTLED, perhaps_granted=True)
    else:
        await end(connection, hold_id, HoldState.EXPIRED)


async def end(
    connection: Connection, hold_id: UUID, state: HoldState, *, reason: str | None = None, perhaps_granted: bool = False
) -> Hold | None:
    """End a hold and tell of it; None if it can't end so any more. The stone is locked."""
    ended = await repository.end_hold(connection, hold_id, state, reason=reason, perhaps_granted=perhaps_granted)
    if ended is not None:
        await tell(connection, ended)
    return ended


async def settle(connection: Connection, hold_id: UUID, answer: SupplierHold) -> Hold:
    """What becomes of a requested hold by the supplier's answer, or of his answer where it comes too late.

    A hold that the supplier granted and that has ended here is queued for its release there. The stone is locked.
    """
    settled: Hold | None
    if answer.id is None:
        settled = await end(connection, hold_id, HoldState.DENIED, reason=DENIED)
    else:
        settled = await repository.activate_hold(connection, hold_id, answer.id, answer.until)
        if settled is not None:
            # Not by its state: a late outcome may have expired already; the expiry has its own event when the hold is closed.
            await tell(connection, settled, EventKind.HOLD_ACTIVATED)
    if settled is not None:
        return settled
    present = await repository.hold(connection, hold_id)
    assert present is not None  # noqa: S101 - holds are never deleted
    if answer.id is None:
        return present
    if present.open and present.supplier_hold_id == answer.id:
        if answer.until is not None:
            await note_supplier_end(connection, hold_id, answer.until)
        return await repository.hold(connection, hold_id) or present
    if not present.open:
        await close_overdue(connection, present.diamond_id)
        await repository.note_late_hold(connection, hold_id, answer.id, answer.until)
    return present


async def note_supplier_end(connection: Connection, hold_id: UUID, until: datetime) -> None:
    """Record when the supplier's hold of an active hold ends now. The stone is locked.

    The client's hold ends later too, as far as it was wanted; what was promised to the client does not shrink.
    """
    present = await repository.hold(connection, hold_id)
    noted = await repository.note_supplier_until(connection, hold_id, until)
    if noted is None or present is None:
        return
    log.info("hold_end_moved", hold_id=str(hold_id), supplier_until=until, expires_at=noted.expires_at)
    if noted.until > present.until:
        await tell(connection, noted, EventKind.HOLD_EXTENDED)


async def tell(connection: Connection, hold: Hold, kind: EventKind | None = None) -> None:
    facts: dict[str, object] = {"until": hold.until}
    if hold.reason is not None:
        facts["reason"] = hold.reason
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
