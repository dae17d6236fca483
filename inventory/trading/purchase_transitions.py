"""State transitions of purchases: each writes the row and its event in the caller's transaction, with the diamond locked."""

from uuid import UUID

from inventory.alerts.incident import report
from inventory.core.database import Connection
from inventory.core.errors import SupplierError
from inventory.core.logging import get_logger
from inventory.events.log import append
from inventory.events.models import REFERENCE, EventKind, NewEvent
from inventory.trading import hold_repository, hold_transitions, purchase_repository
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


async def record(connection: Connection, *values: object) -> Purchase:
    """Create a pending purchase. `values`: as in `purchase_repository.add_purchase`.

    Raises:
        asyncpg.UniqueViolationError: the key is used, or the diamond has an open purchase.
    """
    purchase = await purchase_repository.add_purchase(connection, *values)
    await _append_event(connection, purchase)
    return purchase


async def order(
    connection: Connection,
    purchase: Purchase,
    order_id: str | None,
    feed: str,
    *,
    resolved_by: str | None = None,
    resolution: str | None = None,
) -> Purchase | None:
    """Record that the supplier accepted the order, and end its hold as purchased. Returns None if the state forbids it.

    Alerts an operator if the hold guarantees its price although the supplier's price has risen.
    """
    ordered = await purchase_repository.order_purchase(
        connection, purchase.id, order_id, resolved_by=resolved_by, resolution=resolution
    )
    if ordered is None:
        return None
    if ordered.hold_id is not None:
        await hold_transitions.end(connection, ordered.hold_id, HoldState.PURCHASED)
    await hold_repository.clear_due_of_diamond(connection, ordered.diamond_id)
    if ordered.price_difference_cents is not None:
        await report(connection, purchase_price_risen(feed, ordered))
    await _append_event(connection, ordered)
    return ordered


async def confirm(
    connection: Connection,
    purchase: Purchase,
    *,
    who: str,
    reason: str,
    order_id: str | None = None,
    return_granted: bool | None = None,
) -> Purchase | None:
    """Record the supplier's confirmation. Returns None if the state does not allow that."""
    confirmed = await purchase_repository.answer_purchase(
        connection, purchase.id, PurchaseState.CONFIRMED, who, reason, order_id, return_granted=return_granted
    )
    if confirmed is not None:
        await _append_event(connection, confirmed)
    return confirmed


async def decline(connection: Connection, purchase: Purchase, *, who: str, reason: str) -> Purchase | None:
    """Record that the supplier declined the order. Returns None if the state does not allow that.

    The diamond is unavailable until a sync has read it again. The hold stays purchased; its release at the supplier is
    queued.
    """
    declined = await purchase_repository.answer_purchase(connection, purchase.id, PurchaseState.DECLINED, who, reason)
    if declined is None:
        return None
    if declined.hold_id is not None:
        await hold_repository.queue_supplier_release(connection, declined.hold_id)
    await _append_event(connection, declined)
    return declined


async def release_declined(connection: Connection, purchase_id: UUID, diamond_id: UUID, run_id: UUID) -> None:
    """Return the diamond of a declined order to the sync: a run has read it since, and its availability may have changed."""
    if await purchase_repository.release_declined(connection, purchase_id, PurchaseDeclined.reason):
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
    """Record that no order was placed. Returns None if the state does not allow that."""
    failed = await purchase_repository.fail_purchase(
        connection,
        purchase.id,
        code,
        failure,
        resolved_by=resolved_by,
        resolution=resolution,
        current_price_cents=current_price_cents,
    )
    if failed is not None:
        await _append_event(connection, failed)
    return failed


async def mark_unknown(connection: Connection, purchase: Purchase, feed: str) -> Purchase | None:
    """Record that the outcome of the order is unknown, and alert an operator. Returns None if the state forbids it."""
    unknown = await purchase_repository.mark_purchase_unknown(connection, purchase.id)
    if unknown is None:
        return None
    await _append_event(connection, unknown)
    if await report(connection, purchase_unknown(feed, unknown)):
        log.warning("purchase_outcome_unknown", purchase_id=str(purchase.id), diamond_id=str(purchase.diamond_id))
    return unknown


async def report_contradiction(connection: Connection, purchase: Purchase, order_id: str, feed: str) -> Purchase:
    """Alert an operator that the supplier accepted the order of a failed purchase. The state does not change."""
    present = await purchase_repository.purchase(connection, purchase.id)
    assert present is not None  # noqa: S101 - purchases are never deleted
    if present.state is PurchaseState.FAILED:
        await report(connection, purchase_contradicted(feed, present, order_id))
        log.error("failed_purchase_ordered", purchase_id=str(purchase.id), order_id=order_id)
    return present


async def record_examination(
    connection: Connection, purchase: Purchase, order_item_id: str | None, feed: str
) -> Purchase | None:
    """Record an examination of the supplier item after the order. Returns None if the outcome is known already.

    `order_item_id`: the order item that the supplier item shows. A new order item is evidence of the order, and an operator
    is alerted. It does not decide the outcome, and a missing one proves nothing.
    """
    found = order_item_id if order_item_id != purchase.order_item_before else None
    examined = await purchase_repository.record_examination(connection, purchase.id, found)
    seen = examined is not None and examined.order_item_seen is not None
    if examined is not None and seen and await report(connection, purchase_evidence(feed, examined)):
        log.warning("purchase_evidence_found", purchase_id=str(purchase.id), order_item=examined.order_item_seen)
    return examined


async def abandon(connection: Connection, purchase_id: UUID, feed: str) -> None:
    """Settle a pending purchase whose process has stopped: failed if it was not sent, else unknown."""
    purchase = await purchase_repository.purchase(connection, purchase_id)
    if purchase is None or purchase.state is not PurchaseState.PENDING:
        return
    if purchase.sent_at is None:
        await fail(connection, purchase, SupplierError.code, "The order was never sent.")
    else:
        await mark_unknown(connection, purchase, feed)


async def remind(connection: Connection, seconds: float, limit: int, feed: str) -> int:
    """Alert an operator once of orders accepted `seconds` ago or earlier without a recorded answer."""
    unanswered = await purchase_repository.claim_unanswered_purchases(connection, seconds, limit)
    if unanswered:
        await report(connection, purchases_unanswered(feed, unanswered))
        log.warning("purchases_unanswered", count=len(unanswered), oldest=str(unanswered[0].id))
    return len(unanswered)


async def _append_event(connection: Connection, purchase: Purchase) -> None:
    failure = PurchaseDeclined.reason if purchase.state is PurchaseState.DECLINED else purchase.failure_code
    facts = {name: text for name, text in (("failure", failure), (REFERENCE, purchase.reference)) if text is not None}
    await append(
        connection,
        NewEvent(
            kind=_EVENTS[purchase.state],
            diamond_ids=(purchase.diamond_id,),
            client_id=purchase.client_id,
            hold_id=purchase.hold_id,
            purchase_id=purchase.id,
            data=facts,
        ),
    )
