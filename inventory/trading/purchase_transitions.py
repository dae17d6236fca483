"""Transitions of purchases: each with its event, in the caller's transaction, with the stone locked."""

from uuid import UUID

from inventory.alerts.incident import report
from inventory.core.database import Connection
from inventory.core.errors import SupplierError
from inventory.core.logging import get_logger
from inventory.events.log import append
from inventory.events.models import EventKind, NewEvent
from inventory.trading import hold_transitions, repository
from inventory.trading.errors import PurchaseDeclined
from inventory.trading.incidents import (
    purchase_contradicted,
    purchase_evidence,
    purchase_price_risen,
    purchase_unknown,
    purchases_unanswered,
)
from inventory.trading.models import Purchase
from inventory.trading.states import HoldState, PurchaseState

log = get_logger()

_EVENTS = {
    PurchaseState.PENDING: EventKind.PURCHASE_PENDING,
    PurchaseState.ORDERED: EventKind.PURCHASE_ORDERED,
    PurchaseState.CONFIRMED: EventKind.PURCHASE_CONFIRMED,
    PurchaseState.DECLINED: EventKind.PURCHASE_DECLINED,
    PurchaseState.FAILED: EventKind.PURCHASE_FAILED,
    PurchaseState.UNKNOWN: EventKind.PURCHASE_UNKNOWN,
}


async def order(
    connection: Connection,
    purchase: Purchase,
    order_id: str | None,
    feed: str,
    *,
    resolved_by: str | None = None,
    resolution: str | None = None,
) -> Purchase | None:
    """Record that the supplier accepted the order, which uses up its hold; None if the state does not allow that.

    An operator is alerted where the guaranteed price of the hold is honoured although the supplier's has risen.
    """
    ordered = await repository.order_purchase(
        connection, purchase.id, order_id, resolved_by=resolved_by, resolution=resolution
    )
    if ordered is None:
        return None
    if ordered.hold_id is not None:
        await hold_transitions.end(connection, ordered.hold_id, HoldState.PURCHASED)
    await repository.nothing_due_for_stone(connection, ordered.diamond_id)
    if ordered.price_difference_cents is not None:
        await report(connection, purchase_price_risen(feed, ordered))
    await tell(connection, ordered)
    return ordered


async def confirm(
    connection: Connection, purchase: Purchase, *, who: str, reason: str, order_id: str | None = None
) -> Purchase | None:
    """Record the supplier's confirmation; None if the state does not allow that."""
    confirmed = await repository.answer_purchase(
        connection, purchase.id, PurchaseState.CONFIRMED, who, reason, order_id
    )
    if confirmed is not None:
        await tell(connection, confirmed)
    return confirmed


async def decline(connection: Connection, purchase: Purchase, *, who: str, reason: str) -> Purchase | None:
    """Record that the supplier declined the order; None if the state does not allow that.

    The stone is unavailable until a sync has read it again. Its hold stays used up; what the supplier may still hold
    under it is ended by the job.
    """
    declined = await repository.answer_purchase(connection, purchase.id, PurchaseState.DECLINED, who, reason)
    if declined is None:
        return None
    if declined.hold_id is not None:
        await repository.release_at_supplier(connection, declined.hold_id)
    await tell(connection, declined)
    return declined


async def release(connection: Connection, purchase_id: UUID, diamond_id: UUID, run_id: UUID) -> None:
    """Leave the stone of a declined order to the sync: a run has read it since, so its availability may be another."""
    if await repository.release_declined(connection, purchase_id, PurchaseDeclined.reason):
        await append(connection, NewEvent(EventKind.DIAMONDS_CHANGED, (diamond_id,), run_id=run_id))


async def fail(
    connection: Connection,
    purchase: Purchase,
    code: str,
    failure: str,
    *,
    resolved_by: str | None = None,
    resolution: str | None = None,
    current_price_cents: int | None = None,
) -> Purchase | None:
    """Record that no order was placed; None if the state does not allow that."""
    failed = await repository.fail_purchase(
        connection,
        purchase.id,
        code,
        failure,
        resolved_by=resolved_by,
        resolution=resolution,
        current_price_cents=current_price_cents,
    )
    if failed is not None:
        await tell(connection, failed)
    return failed


async def doubt(connection: Connection, purchase: Purchase, feed: str) -> Purchase | None:
    """Record that the outcome of the order is unknown, and alert an operator; None if the state does not allow that."""
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


async def examined(connection: Connection, purchase: Purchase, order_item_id: str | None, feed: str) -> Purchase | None:
    """Record that the supplier's item was read after the order; None if the outcome is known by now.

    `order_item_id`: what the item showed. An order item that was not there before is evidence of the order, of which an
    operator is alerted; it decides nothing, and none proves nothing.
    """
    found = order_item_id if order_item_id != purchase.order_item_before else None
    noted = await repository.note_examination(connection, purchase.id, found)
    seen = noted is not None and noted.order_item_seen is not None
    if noted is not None and seen and await report(connection, purchase_evidence(feed, noted)):
        log.warning("purchase_evidence_found", purchase_id=str(purchase.id), order_item=noted.order_item_seen)
    return noted


async def abandon(connection: Connection, purchase_id: UUID, feed: str) -> None:
    """Its process is gone. What was never sent has failed; what was sent may have been bought."""
    purchase = await repository.purchase(connection, purchase_id)
    if purchase is None or purchase.state is not PurchaseState.PENDING:
        return
    if purchase.sent_at is None:
        await fail(connection, purchase, SupplierError.code, "The order was never sent.")
    else:
        await doubt(connection, purchase, feed)


async def remind(connection: Connection, seconds: float, limit: int, feed: str) -> int:
    """Alert an operator, once, of orders that the supplier accepted so long ago without a recorded answer."""
    unanswered = await repository.claim_unanswered(connection, seconds, limit)
    if unanswered:
        await report(connection, purchases_unanswered(feed, unanswered))
        log.warning("purchases_unanswered", count=len(unanswered), oldest=str(unanswered[0].id))
    return len(unanswered)


async def tell(connection: Connection, purchase: Purchase) -> None:
    """Append the event of the state that a purchase has entered."""
    failure = PurchaseDeclined.reason if purchase.state is PurchaseState.DECLINED else purchase.failure_code
    await append(
        connection,
        NewEvent(
            kind=_EVENTS[purchase.state],
            diamond_ids=(purchase.diamond_id,),
            client_id=purchase.client_id,
            hold_id=purchase.hold_id,
            purchase_id=purchase.id,
            data={"failure": failure} if failure else {},
        ),
    )
