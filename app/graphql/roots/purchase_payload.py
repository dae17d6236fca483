"""What mutations on purchases answer, and how they read ids."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from uuid import UUID

import strawberry

from app.graphql.context import Info
from app.graphql.payload import UserError, UserErrorCode, user_errors
from app.graphql.relay import key_of
from app.graphql.types.money import Money, money
from app.graphql.types.purchases import Purchase, show_purchases
from inventory.core.errors import InventoryError, NotFound, ValidationFailed
from inventory.trading.errors import TradingConflict
from inventory.trading.models import Purchase as PurchaseRow
from inventory.trading.refusals import refusal
from inventory.trading.states import PurchaseState

ERRORS = "What is wrong with the request; empty when it was done."
_PURCHASE_ERRORS = (
    "What is wrong with the request, or keeps it from being completed: PURCHASE_PENDING and PURCHASE_UNKNOWN stand here too. "
    "Empty when the supplier has accepted the order, or the outcome was recorded."
)
_OPEN: Mapping[PurchaseState, UserError] = {
    PurchaseState.PENDING: UserError(
        field=None,
        message="The supplier is being asked. Send the same request again later, under the same idempotency key.",
        code=UserErrorCode.PURCHASE_PENDING,
    ),
    PurchaseState.UNKNOWN: UserError(
        field=None,
        message="The order was sent, and its outcome is not known. Do not order again; send the same request later, under "
        "the same idempotency key.",
        code=UserErrorCode.PURCHASE_UNKNOWN,
    ),
}


@strawberry.type(description="What became of a purchase.")
class PurchasePayload:
    purchase: Purchase | None = strawberry.field(
        description="The purchase as it is now; null when none was made. Its state may be PENDING or UNKNOWN: ask again "
        "later, with the same key."
    )
    present_price: Money | None = strawberry.field(description="With PRICE_CHANGED: the price; null otherwise.")
    held_until: datetime | None = strawberry.field(description="With ALREADY_HELD: when the hold ends; null otherwise.")
    user_errors: list[UserError] = strawberry.field(description=_PURCHASE_ERRORS)


async def purchase_payload(work: Awaitable[PurchaseRow], info: Info, *, recording: bool = False) -> PurchasePayload:
    """The answer to a purchase or to its recording.

    `recording`: an operator records an outcome, which is no problem of that request.
    """
    try:
        row = await work
    except (ValidationFailed, NotFound, TradingConflict) as error:
        return PurchasePayload(
            purchase=None,
            present_price=_present_price(error),
            held_until=held_until(error),
            user_errors=user_errors(error, "input", subject=("input", "purchaseId" if recording else "diamondId")),
        )
    (purchase,) = await show_purchases([row], info, info.selection.below("purchase"))
    errors = [] if recording or row.state not in _OPEN else [_OPEN[row.state]]
    failure = None if recording or errors else refusal(row)
    if failure is not None:
        code = failure.reason if isinstance(failure, TradingConflict) else failure.code
        errors = [UserError(field=None, message=failure.message, code=UserErrorCode(code))]
    return PurchasePayload(
        purchase=purchase, present_price=_present_price(failure), held_until=None, user_errors=errors
    )


def _present_price(error: InventoryError | None) -> Money | None:
    price = error.details.get("price_cents") if error else None
    return money(price) if isinstance(price, int) else None


def held_until(error: InventoryError) -> datetime | None:
    """When the hold ends that is in the way; None where the error is about something else."""
    until = error.details.get("until")
    return until if isinstance(until, datetime) else None


def read_id(text: str, type_name: str, missing: str) -> UUID:
    """The id that an argument names.

    Raises:
        NotFound: it is no id of this type.
    """
    key = key_of(text, type_name)
    if key is None:
        raise NotFound(missing)
    return key
