"""Payloads of the mutations of purchases."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import TypeVar

import strawberry

from app.graphql.context import Info
from app.graphql.money import Money, money
from app.graphql.purchases.types import Purchase, purchases_to_graphql
from app.graphql.user_errors import (
    Problem,
    UserError,
    UserErrorCode,
    error_type,
    errors_field,
    held_until,
    typed_errors,
    user_errors,
)
from inventory.core.errors import InventoryError, NotFound, ValidationFailed
from inventory.trading.errors import TradingConflict
from inventory.trading.models import Purchase as PurchaseRow
from inventory.trading.purchase_errors import purchase_error
from inventory.trading.states import PurchaseState

_PURCHASE = "The purchase now; null if the caller has no such purchase."
_OPEN: Mapping[PurchaseState, Problem] = {
    PurchaseState.PENDING: Problem(
        field=None,
        message="The supplier has not answered yet. Send the same request again later, with the same idempotency key.",
        code=UserErrorCode.PURCHASE_PENDING,
    ),
    PurchaseState.UNKNOWN: Problem(
        field=None,
        message="The order was sent and its outcome is unknown. Do not order again. Send the same request later, with the "
        "same idempotency key.",
        code=UserErrorCode.PURCHASE_UNKNOWN,
    ),
}


DiamondPurchaseUserError = error_type(
    "DiamondPurchase",
    UserErrorCode.NOT_AVAILABLE,
    UserErrorCode.NOT_TRADABLE,
    UserErrorCode.ALREADY_HELD,
    UserErrorCode.PRICE_CHANGED,
    UserErrorCode.IDEMPOTENCY_MISMATCH,
    UserErrorCode.PURCHASE_FAILED,
    UserErrorCode.PURCHASE_DECLINED,
    UserErrorCode.PURCHASE_PENDING,
    UserErrorCode.PURCHASE_UNKNOWN,
    UserErrorCode.SUPPLIER_ERROR,
)


@strawberry.type(description="Result of `diamondPurchase`.")
class DiamondPurchasePayload:
    purchase: Purchase | None = strawberry.field(
        description="The purchase now; null if none was made. If its state is PENDING or UNKNOWN, send the same request "
        "again later, with the same key."
    )
    current_price: Money | None = strawberry.field(description="The current price with PRICE_CHANGED; else null.")
    held_until: datetime | None = strawberry.field(description="End of the other hold with ALREADY_HELD; else null.")
    user_errors: list[UserError] = errors_field(
        DiamondPurchaseUserError,
        "Problems of the request, or why it is not complete (PURCHASE_PENDING, PURCHASE_UNKNOWN). Empty if the "
        "supplier accepted the order.",
    )


PurchaseResolveUserError = error_type("PurchaseResolve", UserErrorCode.PURCHASE_SETTLED)


@strawberry.type(description="Result of `purchaseResolve`.")
class PurchaseResolvePayload:
    purchase: Purchase | None = strawberry.field(description=_PURCHASE)
    user_errors: list[UserError] = errors_field(PurchaseResolveUserError)


PurchaseExamineUserError = error_type("PurchaseExamine", UserErrorCode.PURCHASE_SETTLED)


@strawberry.type(description="Result of `purchaseExamine`.")
class PurchaseExaminePayload:
    purchase: Purchase | None = strawberry.field(description=_PURCHASE)
    user_errors: list[UserError] = errors_field(PurchaseExamineUserError)


PurchaseConfirmUserError = error_type("PurchaseConfirm", UserErrorCode.PURCHASE_SETTLED)


@strawberry.type(description="Result of `purchaseConfirm`.")
class PurchaseConfirmPayload:
    purchase: Purchase | None = strawberry.field(description=_PURCHASE)
    user_errors: list[UserError] = errors_field(PurchaseConfirmUserError)


PurchaseDeclineUserError = error_type("PurchaseDecline", UserErrorCode.PURCHASE_SETTLED)


@strawberry.type(description="Result of `purchaseDecline`.")
class PurchaseDeclinePayload:
    purchase: Purchase | None = strawberry.field(description=_PURCHASE)
    user_errors: list[UserError] = errors_field(PurchaseDeclineUserError)


_ERROR_TYPES: Mapping[object, type[UserError]] = {
    PurchaseResolvePayload: PurchaseResolveUserError,
    PurchaseExaminePayload: PurchaseExamineUserError,
    PurchaseConfirmPayload: PurchaseConfirmUserError,
    PurchaseDeclinePayload: PurchaseDeclineUserError,
}
P = TypeVar("P", PurchaseResolvePayload, PurchaseExaminePayload, PurchaseConfirmPayload, PurchaseDeclinePayload)


async def purchase_payload(work: Awaitable[PurchaseRow], info: Info) -> DiamondPurchasePayload:
    """Await a purchase and create its payload."""
    try:
        row = await work
    except (ValidationFailed, NotFound, TradingConflict) as error:
        return DiamondPurchasePayload(
            purchase=None,
            current_price=_current_price(error),
            held_until=held_until(error),
            user_errors=typed_errors(DiamondPurchaseUserError, user_errors(error, subject=("input", "diamondId"))),
        )
    (purchase,) = await purchases_to_graphql([row], info, info.selection.below("purchase"))
    errors = [_OPEN[row.state]] if row.state in _OPEN else []
    failure = None if errors else purchase_error(row)
    if failure is not None:
        code = failure.reason if isinstance(failure, TradingConflict) else failure.code
        errors = [Problem(field=None, message=failure.message, code=UserErrorCode(code))]
    return DiamondPurchasePayload(
        purchase=purchase,
        current_price=_current_price(failure),
        held_until=None,
        user_errors=typed_errors(DiamondPurchaseUserError, errors),
    )


async def outcome_payload(payload: type[P], work: Awaitable[PurchaseRow], info: Info) -> P:
    """Await the recording of an outcome and create its payload."""
    try:
        row = await work
    except (ValidationFailed, NotFound, TradingConflict) as error:
        problems = user_errors(error, subject=("input", "purchaseId"))
        return payload(purchase=None, user_errors=typed_errors(_ERROR_TYPES[payload], problems))
    (purchase,) = await purchases_to_graphql([row], info, info.selection.below("purchase"))
    return payload(purchase=purchase, user_errors=[])


def _current_price(error: InventoryError | None) -> Money | None:
    price = error.details.get("price_cents") if error else None
    return money(price) if isinstance(price, int) else None
