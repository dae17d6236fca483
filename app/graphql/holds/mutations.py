"""Mutations of holds: create, extend, release."""

from typing import Annotated

import strawberry

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.holds.inputs import HoldCreateInput, HoldExtendInput, HoldReleaseInput
from app.graphql.holds.payloads import (
    HoldCreatePayload,
    HoldCreateUserError,
    HoldExtendPayload,
    HoldExtendUserError,
    HoldReleasePayload,
    HoldReleaseUserError,
    hold_outcome,
)
from app.graphql.permissions import field
from app.graphql.relay import read_id
from inventory.trading.models import Hold as HoldRow

_argument = strawberry.argument
_NO_DIAMOND = "There is no diamond with this id."
_NO_HOLD = "You have no such hold."


@strawberry.type
class HoldMutations:
    """Fields of `Mutation` for holds."""

    @field(
        description="Holds a diamond for the caller at its current price. A repeated request returns the open hold. If the "
        "supplier does not answer, the error is SUPPLIER_TIMEOUT, and the diamond stays reserved until the outcome is known.",
        scope=Scope.HOLDS_WRITE,
    )
    async def hold_create(
        self,
        info: Info,
        input: Annotated[HoldCreateInput, _argument(description="The hold.")],  # noqa: A002 - GraphQL convention
    ) -> HoldCreatePayload | None:
        async def create() -> HoldRow:
            diamond_id = read_id(input.diamond_id, "Diamond", _NO_DIAMOND)
            return await info.context.services.trading.holds.create(
                diamond_id,
                info.context.caller.client_id,
                given_or_none(input.minutes),
                reference=given_or_none(input.reference),
            )

        hold, until, errors = await hold_outcome(create(), info, "diamondId", HoldCreateUserError)
        return HoldCreatePayload(hold=hold, held_until=until, user_errors=errors)

    @field(
        description="Extends a hold of the caller: at most until the supplier's own hold ends, and not beyond the longest "
        "hold from the first request on.",
        scope=Scope.HOLDS_WRITE,
    )
    async def hold_extend(
        self,
        info: Info,
        input: Annotated[HoldExtendInput, _argument(description="The extension.")],  # noqa: A002 - GraphQL convention
    ) -> HoldExtendPayload | None:
        async def extend() -> HoldRow:
            hold_id = read_id(input.hold_id, "Hold", _NO_HOLD)
            return await info.context.services.trading.holds.extend(
                hold_id,
                info.context.caller.client_id,
                given_or_none(input.minutes),
                reference=given_or_none(input.reference),
            )

        hold, until, errors = await hold_outcome(extend(), info, "holdId", HoldExtendUserError)
        return HoldExtendPayload(hold=hold, held_until=until, user_errors=errors)

    @field(description="Releases a hold of the caller. A hold that has ended stays unchanged.", scope=Scope.HOLDS_WRITE)
    async def hold_release(
        self,
        info: Info,
        input: Annotated[HoldReleaseInput, _argument(description="The hold.")],  # noqa: A002 - GraphQL convention
    ) -> HoldReleasePayload | None:
        async def release() -> HoldRow:
            hold_id = read_id(input.hold_id, "Hold", _NO_HOLD)
            return await info.context.services.trading.holds.release(
                hold_id, info.context.caller.client_id, reference=given_or_none(input.reference)
            )

        hold, _, errors = await hold_outcome(release(), info, "holdId", HoldReleaseUserError)
        return HoldReleasePayload(hold=hold, user_errors=errors)
