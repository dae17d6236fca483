"""What mutations answer: what has changed, or what is wrong with the request, as values that a form can show."""

from collections.abc import Awaitable
from enum import Enum
from typing import TypeVar

import strawberry

from app.core.errors import Conflict, InventoryError, NotFound, ValidationFailed
from app.core.jobs import Failure
from app.trading.conflicts import TradingConflict

T = TypeVar("T")

IDEMPOTENCY_KEY = "idempotencyKey"
_LONGEST_KEY = 200


@strawberry.enum(description="What kind of problem a request has.")
class UserErrorCode(Enum):
    INVALID = strawberry.enum_value("VALIDATION_ERROR", description="A value is not valid; `field` says which.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is nothing under this id.")
    CONFLICT = strawberry.enum_value("CONFLICT", description="The present state does not allow this.")
    NOT_AVAILABLE = strawberry.enum_value("NOT_AVAILABLE", description="The diamond can't be had.")
    ALREADY_HELD = strawberry.enum_value("ALREADY_HELD", description="Somebody else holds the diamond.")
    HOLD_DENIED = strawberry.enum_value("HOLD_DENIED", description="The supplier denied the hold.")
    HOLD_LIMIT_REACHED = strawberry.enum_value(
        "HOLD_LIMIT_REACHED", description="The client holds as many diamonds as it may."
    )
    HOLD_OVER = strawberry.enum_value("HOLD_OVER", description="The hold has ended.")
    HOLD_NOT_EXTENDABLE = strawberry.enum_value(
        "HOLD_NOT_EXTENDABLE", description="The hold lasts as long as it may already."
    )
    PRICE_CHANGED = strawberry.enum_value("PRICE_CHANGED", description="The price is not the expected one.")
    IDEMPOTENCY_MISMATCH = strawberry.enum_value(
        "IDEMPOTENCY_MISMATCH", description="The idempotency key was used for another request."
    )
    PURCHASE_FAILED = strawberry.enum_value("PURCHASE_FAILED", description="Nothing was bought.")
    PURCHASE_DECLINED = strawberry.enum_value(
        "PURCHASE_DECLINED", description="The supplier declined the order after it had accepted it."
    )
    PURCHASE_SETTLED = strawberry.enum_value(
        "PURCHASE_SETTLED", description="The state of the purchase does not allow this."
    )
    SUPPLIER_ERROR = strawberry.enum_value(
        "SUPPLIER_ERROR", description="The supplier did not take the order; nothing was bought."
    )


@strawberry.type(description="A problem with a request, for the person who made it.")
class UserError:
    field: list[str] | None = strawberry.field(
        description="The path to the argument that it is about; null when it is about the request as a whole."
    )
    message: str = strawberry.field(description="What is wrong, in a sentence.")
    code: UserErrorCode = strawberry.field(description="What kind of problem it is.")


async def attempt(work: Awaitable[T], prefix: str = "") -> tuple[T | None, list[UserError]]:
    """What a use case gives, or what is wrong with the request. Everything else is still raised.

    `prefix`: the argument whose fields the use case checks.
    """
    try:
        return await work, []
    except (ValidationFailed, NotFound, Conflict) as error:
        return None, user_errors(error, prefix)


def user_errors(error: InventoryError, prefix: str = "") -> list[UserError]:
    """A problem with the request, as the payload shows it: one for each field, or one alone."""
    if isinstance(error, ValidationFailed):
        return [
            UserError(
                field=[prefix, _camel(name)] if prefix and name != IDEMPOTENCY_KEY else [_camel(name)],
                message=str(problem),
                code=UserErrorCode.INVALID,
            )
            for name, problem in error.details.items()
        ]
    code = error.reason if isinstance(error, TradingConflict) else error.code
    return [UserError(field=None, message=error.message, code=UserErrorCode(code))]


def refusals(failure: Failure) -> list[UserError]:
    """A job's failure, where it is the request's fault; none where it isn't."""
    try:
        code = UserErrorCode(failure.code)
    except ValueError:
        return []
    return [UserError(field=None, message=failure.message, code=code)]


def check_key(key: str) -> str:
    """An idempotency key.

    Raises:
        ValidationFailed: it is empty or too long.
    """
    if not key.strip() or len(key) > _LONGEST_KEY or "\x00" in key:
        raise ValidationFailed({IDEMPOTENCY_KEY: f"should hold 1 to {_LONGEST_KEY} characters"})
    return key


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
