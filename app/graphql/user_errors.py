"""User errors: problems of a request that a payload reports, each with the path of its argument."""

from collections.abc import Awaitable, Sequence
from datetime import datetime
from enum import Enum
from typing import TypeVar

import strawberry

from app.http import idempotency
from inventory.core.errors import Conflict, InventoryError, NotFound, ValidationFailed
from inventory.core.jobs import JobFailure
from inventory.trading.errors import TradingConflict

T = TypeVar("T")

IDEMPOTENCY_KEY = "idempotencyKey"
ERRORS = "Problems of the request; empty if it succeeded or is in progress."
IDEMPOTENCY_KEY_DESCRIPTION = (
    "Chosen by the client, new for each intention. A repeated request with the same key has no further effect."
)


@strawberry.enum(description="Code of a problem of a request.")
class UserErrorCode(Enum):
    INVALID = strawberry.enum_value("VALIDATION_ERROR", description="A value is invalid; see `field`.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="No object has this id; see `field`.")
    CONFLICT = strawberry.enum_value("CONFLICT", description="The current state does not allow this.")
    NOT_AVAILABLE = strawberry.enum_value("NOT_AVAILABLE", description="The diamond is not available.")
    ALREADY_HELD = strawberry.enum_value("ALREADY_HELD", description="Another client or reference holds the diamond.")
    HOLD_DENIED = strawberry.enum_value("HOLD_DENIED", description="The supplier denied the hold.")
    HOLD_LIMIT_REACHED = strawberry.enum_value(
        "HOLD_LIMIT_REACHED", description="The client or the reference has reached its limit of holds."
    )
    HOLD_OVER = strawberry.enum_value("HOLD_OVER", description="The hold has ended.")
    HOLD_NOT_EXTENDABLE = strawberry.enum_value(
        "HOLD_NOT_EXTENDABLE", description="The hold already has its longest duration."
    )
    PRICE_CHANGED = strawberry.enum_value("PRICE_CHANGED", description="The price differs from the expected price.")
    IDEMPOTENCY_MISMATCH = strawberry.enum_value(
        "IDEMPOTENCY_MISMATCH", description="The idempotency key was used for another request."
    )
    PURCHASE_FAILED = strawberry.enum_value(
        "PURCHASE_FAILED", description="The purchase failed. Nothing was purchased."
    )
    PURCHASE_DECLINED = strawberry.enum_value(
        "PURCHASE_DECLINED", description="The supplier declined the order after accepting it."
    )
    PURCHASE_PENDING = strawberry.enum_value(
        "PURCHASE_PENDING",
        description="The supplier has not answered yet. Send the same request again later, with the same idempotency key.",
    )
    PURCHASE_UNKNOWN = strawberry.enum_value(
        "PURCHASE_UNKNOWN",
        description="The order was sent and its outcome is unknown. Do not order again. Send the same request later, with the "
        "same idempotency key.",
    )
    PURCHASE_SETTLED = strawberry.enum_value(
        "PURCHASE_SETTLED",
        description="The outcome cannot be recorded in the current state of the purchase; `message` names the state. The "
        "purchase is unchanged.",
    )
    SUPPLIER_ERROR = strawberry.enum_value(
        "SUPPLIER_ERROR", description="The supplier rejected the order. Nothing was purchased."
    )


@strawberry.type(description="A problem of a request, to show to its user.")
class UserError:
    field: list[str] | None = strawberry.field(
        description="Path of the argument; null if the problem concerns the whole request."
    )
    message: str = strawberry.field(description="Message.")
    code: UserErrorCode = strawberry.field(description="Code.")


async def attempt(
    work: Awaitable[T], path: Sequence[str] = ("input",), *, subject: Sequence[str] = ()
) -> tuple[T | None, list[UserError]]:
    """Await a use case; return its result, or the problems of the request. Other errors are raised.

    `path`: path of the input that the use case validates. `subject`: path of the id of its subject.
    """
    try:
        return await work, []
    except (ValidationFailed, NotFound, Conflict) as error:
        return None, user_errors(error, path, subject=subject)


def user_errors(
    error: InventoryError, path: Sequence[str] = ("input",), *, subject: Sequence[str] = ()
) -> list[UserError]:
    """Convert a problem of the request: one error per field, or a single one. Arguments: see `attempt`."""
    if isinstance(error, ValidationFailed):
        return [
            UserError(
                field=["input", IDEMPOTENCY_KEY] if name == IDEMPOTENCY_KEY else [*path, _camel(name)],
                message=str(problem),
                code=UserErrorCode.INVALID,
            )
            for name, problem in error.details.items()
        ]
    code = error.reason if isinstance(error, TradingConflict) else error.code
    return [UserError(field=_about(code, subject), message=error.message, code=UserErrorCode(code))]


def refusals(failure: JobFailure, *, subject: Sequence[str] = ()) -> list[UserError]:
    """Problems of the request that made a job fail; empty for other failures. `subject`: see `attempt`."""
    try:
        code = UserErrorCode(failure.code)
    except ValueError:
        return []
    return [UserError(field=_about(failure.code, subject), message=failure.message, code=code)]


def _about(code: str, subject: Sequence[str]) -> list[str] | None:
    return [*subject] if subject and code == NotFound.code else None


def read_key(text: str) -> str:
    """Read an idempotency key, without surrounding white space.

    Raises:
        ValidationFailed: the key is empty, too long or not printable.
    """
    try:
        return idempotency.read_key(text)
    except ValueError as error:
        raise ValidationFailed({IDEMPOTENCY_KEY: str(error)}) from None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def held_until(error: InventoryError) -> datetime | None:
    """End of the hold that blocks the request; None for other errors."""
    until = error.details.get("until")
    return until if isinstance(until, datetime) else None
