"""What becomes of purchases: each move with its event, in the caller's transaction, with the stone locked."""

from uuid import UUID

from app.alerts.incident import report
from app.core.database import Connection
from app.core.errors import SupplierError
from app.core.logging import get_logger
from app.events.log import append
from app.events.models import EventKind, NewEvent
from app.trading import moves, repository
from app.trading.incidents import purchase_contradicted, purchase_unknown
from app.trading.models import Purchase
from app.trading.states import HoldState, PurchaseState

log = get_logger()

_EVENTS = {
    PurchaseState.PENDING: EventKind.PURCHASE_PENDING,
    PurchaseState.CONFIRMED: EventKind.PURCHASE_CONFIRMED,
    PurchaseState.FAILED: EventKind.PURCHASE_FAILED,
    PurchaseState.UNKNOWN: EventKind.PURCHASE_UNKNOWN,
}


async def confirm(
    connection: Connection,
    purchase: Purchase,
    order_id: str | None,
    *,
    resolved_by: str | None = None,
    resolution: str | None = None,
) -> Purchase | None:
    """It was bought, and with it the hold under which it was made; None if it can't become so any more."""
    confirmed = await repository.confirm_purchase(
        connection, purchase.id, order_id, resolved_by=resolved_by, resolution=resolution
    )
    if confirmed is None:
        return None
    if confirmed.hold_id is not None:
        await moves.end(connection, confirmed.hold_id, HoldState.PURCHASED)
    await repository.nothing_due_for_stone(connection, confirmed.diamond_id)
    await tell(connection, confirmed)
    return confirmed


async def fail(
    connection: Connection,
    purchase: Purchase,
    code: str,
    failure: str,
    *,
    resolved_by: str | None = None,
    resolution: str | None = None,
) -> Purchase | None:
    """Nothing was bought; None if it can't become so any more."""
    failed = await repository.fail_purchase(
        connection, purchase.id, code, failure, resolved_by=resolved_by, resolution=resolution
    )
    if failed is not None:
        await tell(connection, failed)
    return failed


async def doubt(connection: Connection, purchase: Purchase, feed: str) -> Purchase | None:
    """Nobody knows whether it was bought, and someone must find out; None if it can't become so any more."""
    doubtful = await repository.doubt_purchase(connection, purchase.id)
    if doubtful is None:
        return None
    await tell(connection, doubtful)
    if await report(connection, purchase_unknown(feed, doubtful)):
        log.warning("purchase of unknown outcome", purchase_id=str(purchase.id), diamond_id=str(purchase.diamond_id))
    return doubtful


async def contradict(connection: Connection, purchase: Purchase, order_id: str, feed: str) -> Purchase:
    """The supplier confirms what was given up here: the record stays, and someone must know."""
    present = await repository.purchase(connection, purchase.id)
    assert present is not None  # noqa: S101 - purchases are never deleted
    if present.state is PurchaseState.FAILED:
        await report(connection, purchase_contradicted(feed, present, order_id))
        log.error("purchase confirmed after it was given up", purchase_id=str(purchase.id), order_id=order_id)
    return present


async def abandon(connection: Connection, purchase_id: UUID, feed: str) -> None:
    """Its process is gone. What was never sent has failed; what was sent may have been bought."""
    purchase = await repository.purchase(connection, purchase_id)
    if purchase is None or purchase.state is not PurchaseState.PENDING:
        return
    if purchase.sent_at is None:
        await fail(connection, purchase, SupplierError.code, "The order was never sent.")
    else:
        await doubt(connection, purchase, feed)


async def tell(connection: Connection, purchase: Purchase) -> None:
    """Append the event of the state that a purchase has come into."""
    await append(
        connection,
        NewEvent(
            kind=_EVENTS[purchase.state],
            diamond_ids=(purchase.diamond_id,),
            client_id=purchase.client_id,
            hold_id=purchase.hold_id,
            purchase_id=purchase.id,
            data={"failure": purchase.failure_code} if purchase.failure_code else {},
        ),
    )
