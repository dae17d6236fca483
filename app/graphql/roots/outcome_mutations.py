"""Recording the outcome of purchases and the supplier's answer: the mutations of operators."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.guard import field
from app.graphql.roots.purchase_payload import PurchasePayload, purchase_payload, read_id
from app.graphql.types.inputs import known
from inventory.trading.models import Purchase as PurchaseRow
from inventory.trading.outcomes import Outcome

_argument = strawberry.argument
_NO_PURCHASE = "There is no purchase with this id."


@strawberry.enum(description="What an operator found out about a purchase of unknown outcome.")
class PurchaseOutcome(Enum):
    ORDERED = strawberry.enum_value(
        "ordered", description="The supplier has the order, and has neither confirmed nor declined it yet."
    )
    CONFIRMED = strawberry.enum_value("confirmed", description="The supplier has the order and has confirmed it.")
    FAILED = strawberry.enum_value("failed", description="The supplier has no such order, and will have none.")


_OUTCOMES: Mapping[PurchaseOutcome, Outcome] = {PurchaseOutcome(one.value): one for one in Outcome}
_PURCHASE_ID = "The purchase's global id, or the one on the invoice."
_REASON = "How it is known: who was asked, or which message says so."
_ORDER_ID = "The order's id at the supplier."


@strawberry.input(description="The outcome of a purchase, found out in the supplier's account or by asking.")
class PurchaseResolveInput:
    purchase_id: strawberry.ID = strawberry.field(description=_PURCHASE_ID)
    outcome: PurchaseOutcome = strawberry.field(description="What was found out.")
    reason: str = strawberry.field(description=_REASON)
    supplier_order_id: str | None = strawberry.field(default=UNSET, description=_ORDER_ID)


@strawberry.input(description="A purchase whose outcome is unknown.")
class PurchaseExamineInput:
    purchase_id: strawberry.ID = strawberry.field(description=_PURCHASE_ID)


@strawberry.input(description="The supplier's confirmation of an accepted order.")
class PurchaseConfirmInput:
    purchase_id: strawberry.ID = strawberry.field(description=_PURCHASE_ID)
    reason: str = strawberry.field(description=_REASON)
    supplier_order_id: str | None = strawberry.field(default=UNSET, description=_ORDER_ID)


@strawberry.input(description="The supplier's decline of an accepted order.")
class PurchaseDeclineInput:
    purchase_id: strawberry.ID = strawberry.field(description=_PURCHASE_ID)
    reason: str = strawberry.field(description=_REASON)


@strawberry.type
class OutcomeMutations:
    """What operators record about purchases; part of `Mutation`."""

    @field(
        says="Settles a purchase of unknown outcome, after a look into the supplier's account.",
        needs=Scope.PURCHASES_ADMIN,
    )
    async def purchase_resolve(
        self,
        info: Info,
        input: Annotated[PurchaseResolveInput, _argument(description="What was found out.")],  # noqa: A002 - as everywhere
    ) -> PurchasePayload | None:
        async def resolve() -> PurchaseRow:
            return await info.context.desk.outcomes.resolve(
                read_id(input.purchase_id, "Purchase", _NO_PURCHASE),
                _OUTCOMES[input.outcome],
                who=info.context.caller.client_id,
                reason=input.reason,
                order_id=known(input.supplier_order_id),
            )

        return await purchase_payload(resolve(), info, recording=True)

    @field(
        says="Reads the supplier's item of a purchase of unknown outcome and shows the evidence. Nothing is sent again.",
        needs=Scope.PURCHASES_ADMIN,
    )
    async def purchase_examine(
        self,
        info: Info,
        input: Annotated[PurchaseExamineInput, _argument(description="Which purchase.")],  # noqa: A002 - as everywhere
    ) -> PurchasePayload | None:
        async def examine() -> PurchaseRow:
            purchase_id = read_id(input.purchase_id, "Purchase", _NO_PURCHASE)
            return await info.context.desk.outcomes.examine(purchase_id)

        return await purchase_payload(examine(), info, recording=True)

    @field(
        says="Records the supplier's confirmation of an accepted order. Repeated, it changes nothing.",
        needs=Scope.PURCHASES_ADMIN,
    )
    async def purchase_confirm(
        self,
        info: Info,
        input: Annotated[PurchaseConfirmInput, _argument(description="The confirmation.")],  # noqa: A002 - as everywhere
    ) -> PurchasePayload | None:
        async def confirm() -> PurchaseRow:
            return await info.context.desk.outcomes.confirm(
                read_id(input.purchase_id, "Purchase", _NO_PURCHASE),
                who=info.context.caller.client_id,
                reason=input.reason,
                order_id=known(input.supplier_order_id),
            )

        return await purchase_payload(confirm(), info, recording=True)

    @field(
        says="Records that the supplier declined an accepted order, also after its confirmation. The diamond is unavailable "
        "until a sync has read it again. Repeated, it changes nothing.",
        needs=Scope.PURCHASES_ADMIN,
    )
    async def purchase_decline(
        self,
        info: Info,
        input: Annotated[PurchaseDeclineInput, _argument(description="The decline.")],  # noqa: A002 - as everywhere
    ) -> PurchasePayload | None:
        async def decline() -> PurchaseRow:
            return await info.context.desk.outcomes.decline(
                read_id(input.purchase_id, "Purchase", _NO_PURCHASE),
                who=info.context.caller.client_id,
                reason=input.reason,
            )

        return await purchase_payload(decline(), info, recording=True)
