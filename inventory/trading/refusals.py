"""Errors for clients whose purchase is not ordered: the same the first time and every later time under the key."""

from inventory.core.errors import InventoryError, OutcomeUnknown, SupplierError
from inventory.trading.errors import NotAvailable, PriceChanged, PurchaseDeclined, PurchaseFailed
from inventory.trading.models import Purchase
from inventory.trading.states import BOUGHT, OPEN_PURCHASES, REST_STATUS, PurchaseState


def refusal(purchase: Purchase) -> InventoryError | None:
    """The error for a purchase; None if the supplier has accepted its order and not declined it."""
    if purchase.state in BOUGHT:
        return None
    status = REST_STATUS[purchase.state]
    if purchase.state in OPEN_PURCHASES:
        return OutcomeUnknown(
            "Whether the diamond was ordered is not known yet. Nothing is sent again; ask later with the same key.",
            details={"id": purchase.id, "status": status},
        )
    if purchase.state is PurchaseState.DECLINED:
        return PurchaseDeclined(id=purchase.id, status=status, state=purchase.state)
    return _failure(purchase, status)


def _failure(purchase: Purchase, status: str) -> InventoryError:
    match purchase.failure_code:
        case PriceChanged.reason:
            return PriceChanged(id=purchase.id, status=status, price_cents=purchase.current_price_cents)
        case NotAvailable.reason:
            return NotAvailable("The supplier no longer has the diamond.", id=purchase.id, status=status)
        case SupplierError.code:
            what = "did not take the order" if purchase.sent_at else "was not asked for it"
            return SupplierError(
                f"The supplier {what}; nothing was bought. Try again under a new idempotency key.",
                details={"id": purchase.id, "status": status},
            )
    return PurchaseFailed(id=purchase.id, status=status)
