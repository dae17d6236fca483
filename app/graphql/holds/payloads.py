"""Payloads of the mutations of holds."""

from collections.abc import Awaitable
from datetime import datetime

import strawberry

from app.graphql.context import Info
from app.graphql.holds.types import Hold, holds_to_graphql
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
from inventory.core.errors import NotFound, ValidationFailed
from inventory.trading.errors import HoldDenied, TradingConflict
from inventory.trading.models import Hold as HoldRow
from inventory.trading.states import HoldState

_HOLD = "The hold now; null if the caller has no such hold."


HoldCreateUserError = error_type(
    "HoldCreate",
    UserErrorCode.NOT_AVAILABLE,
    UserErrorCode.NOT_TRADABLE,
    UserErrorCode.ALREADY_HELD,
    UserErrorCode.HOLD_DENIED,
    UserErrorCode.HOLD_LIMIT_REACHED,
)


@strawberry.type(description="Result of `holdCreate`.")
class HoldCreatePayload:
    hold: Hold | None = strawberry.field(description=_HOLD)
    held_until: datetime | None = strawberry.field(description="End of the other hold with ALREADY_HELD; else null.")
    user_errors: list[UserError] = errors_field(HoldCreateUserError)


HoldExtendUserError = error_type("HoldExtend", UserErrorCode.HOLD_OVER, UserErrorCode.HOLD_NOT_EXTENDABLE)


@strawberry.type(description="Result of `holdExtend`.")
class HoldExtendPayload:
    hold: Hold | None = strawberry.field(description=_HOLD)
    held_until: datetime | None = strawberry.field(description="End of the hold with HOLD_NOT_EXTENDABLE; else null.")
    user_errors: list[UserError] = errors_field(HoldExtendUserError)


HoldReleaseUserError = error_type("HoldRelease", UserErrorCode.HOLD_OVER, UserErrorCode.NOT_AVAILABLE)


@strawberry.type(description="Result of `holdRelease`.")
class HoldReleasePayload:
    hold: Hold | None = strawberry.field(description=_HOLD)
    user_errors: list[UserError] = errors_field(HoldReleaseUserError)


async def hold_outcome(
    work: Awaitable[HoldRow], info: Info, subject: str, kind: type[UserError]
) -> tuple[Hold | None, datetime | None, list[UserError]]:
    """Await a use case; return the hold, the end of a hold that blocks the request, and the problems.

    `subject`: field of the input that contains the id. `kind`: error type of the mutation.
    """
    try:
        row = await work
    except (ValidationFailed, NotFound, TradingConflict) as error:
        return None, held_until(error), typed_errors(kind, user_errors(error, subject=("input", subject)))
    (hold,) = await holds_to_graphql([row], info, info.selection.below("hold"))
    problems: list[Problem] = user_errors(HoldDenied()) if row.state is HoldState.DENIED else []
    return hold, None, typed_errors(kind, problems)
