"""Client errors of purchases without an order. A repeated request under the idempotency key returns the same error."""

from inventory.core.errors import InventoryError, OutcomeUnknown, SupplierError
from inventory.trading.errors import NotAvailable, PriceChanged, PurchaseDeclined, PurchaseFailed
from inventory.trading.models import Purchase
from inventory.trading.states import BOUGHT, OPEN_PURCHASES, REST_STATUS, PurchaseState


def purchase_error(purchase: Purchase) -> InventoryError | None:
    """Return the error of a purchase, or None if the supplier has accepted its order and not declined it."""
    if purchase.state in BOUGHT:
        return None
    status = REST_STATUS[purchase.state]
    if purchase.state in OPEN_PURCHASES:
        return OutcomeUnknown(
            "The outcome of the order is not known yet, and it is not sent again. Repeat the request later with the same key.",
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
            cause = (
                "The supplier did not accept the order"
                if purchase.sent_at
                else "The order was not sent to the supplier"
            )
            return SupplierError(
                f"{cause}. Nothing was bought. Try again under a new idempotency key.",
                details={"id": purchase.id, "status": status},
            )
    return PurchaseFailed(id=purchase.id, status=status)
