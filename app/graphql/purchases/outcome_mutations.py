"""Mutations for operators: record the outcome of a purchase or the supplier's answer."""

from collections.abc import Mapping
from typing import Annotated

import strawberry

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.purchases.inputs import (
    PurchaseConfirmInput,
    PurchaseDeclineInput,
    PurchaseExamineInput,
    PurchaseOutcome,
    PurchaseResolveInput,
)
from app.graphql.purchases.payloads import (
    PurchaseConfirmPayload,
    PurchaseDeclinePayload,
    PurchaseExaminePayload,
    PurchaseResolvePayload,
    outcome_payload,
)
from app.graphql.relay import read_id
from inventory.trading.models import Purchase as PurchaseRow
from inventory.trading.outcomes import Outcome

_argument = strawberry.argument
_OUTCOMES: Mapping[PurchaseOutcome, Outcome] = {PurchaseOutcome(one.value): one for one in Outcome}
_NO_PURCHASE = "There is no purchase with this id."


@strawberry.type
class OutcomeMutations:
    """Fields of `Mutation` for operators who record the outcome of purchases."""

    @field(
        description="Records the outcome of a purchase whose outcome is unknown, after a check of the supplier's account.",
        scope=Scope.PURCHASES_ADMIN,
    )
    async def purchase_resolve(
        self,
        info: Info,
        input: Annotated[PurchaseResolveInput, _argument(description="The outcome.")],  # noqa: A002 - GraphQL convention
    ) -> PurchaseResolvePayload | None:
        async def resolve() -> PurchaseRow:
            return await info.context.services.trading.outcomes.resolve(
                read_id(input.purchase_id, "Purchase", _NO_PURCHASE),
                _OUTCOMES[input.outcome],
                who=info.context.caller.client_id,
                reason=input.reason,
                order_id=given_or_none(input.supplier_order_id),
            )

        return await outcome_payload(PurchaseResolvePayload, resolve(), info)

    @field(
        description="Reads the supplier's item of a purchase of unknown outcome and returns the evidence. It sends no order.",
        scope=Scope.PURCHASES_ADMIN,
    )
    async def purchase_examine(
        self,
        info: Info,
        input: Annotated[PurchaseExamineInput, _argument(description="The purchase.")],  # noqa: A002 - GraphQL convention
    ) -> PurchaseExaminePayload | None:
        async def examine() -> PurchaseRow:
            purchase_id = read_id(input.purchase_id, "Purchase", _NO_PURCHASE)
            return await info.context.services.trading.outcomes.examine(purchase_id)

        return await outcome_payload(PurchaseExaminePayload, examine(), info)

    @field(
        description="Records the supplier's confirmation of an accepted order. Repeated, it changes nothing.",
        scope=Scope.PURCHASES_ADMIN,
    )
    async def purchase_confirm(
        self,
        info: Info,
        input: Annotated[PurchaseConfirmInput, _argument(description="The confirmation.")],  # noqa: A002 - GraphQL convention
    ) -> PurchaseConfirmPayload | None:
        async def confirm() -> PurchaseRow:
            return await info.context.services.trading.outcomes.confirm(
                read_id(input.purchase_id, "Purchase", _NO_PURCHASE),
                who=info.context.caller.client_id,
                reason=input.reason,
                order_id=given_or_none(input.supplier_order_id),
                return_granted=given_or_none(input.return_granted),
            )

        return await outcome_payload(PurchaseConfirmPayload, confirm(), info)

    @field(
        description="Records that the supplier declined an accepted order, even after its confirmation. The diamond is unavailable "
        "until a sync reads it again. Repeated, it changes nothing.",
        scope=Scope.PURCHASES_ADMIN,
    )
    async def purchase_decline(
        self,
        info: Info,
        input: Annotated[PurchaseDeclineInput, _argument(description="The decline.")],  # noqa: A002 - GraphQL convention
    ) -> PurchaseDeclinePayload | None:
        async def decline() -> PurchaseRow:
            return await info.context.services.trading.outcomes.decline(
                read_id(input.purchase_id, "Purchase", _NO_PURCHASE),
                who=info.context.caller.client_id,
                reason=input.reason,
            )

        return await outcome_payload(PurchaseDeclinePayload, decline(), info)
