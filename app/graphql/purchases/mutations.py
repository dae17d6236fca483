"""Mutation that purchases a diamond."""

from typing import Annotated

import strawberry

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.purchases.inputs import DiamondPurchaseInput
from app.graphql.purchases.payloads import DiamondPurchasePayload, purchase_payload
from app.graphql.relay import read_id
from app.graphql.user_errors import read_key
from inventory.trading.models import Purchase as PurchaseRow
from inventory.trading.purchase_request import PurchaseRequest

_argument = strawberry.argument


@strawberry.type
class PurchaseMutations:
    """Fields of `Mutation` for purchases."""

    @field(
        description="Buys a diamond at the expected price, or not at all. One purchase per idempotency key.",
        scope=Scope.PURCHASES_WRITE,
    )
    async def diamond_purchase(
        self,
        info: Info,
        input: Annotated[DiamondPurchaseInput, _argument(description="The purchase and its terms.")],  # noqa: A002 - GraphQL convention
    ) -> DiamondPurchasePayload | None:
        async def buy() -> PurchaseRow:
            request, key = _read(input)
            return await info.context.services.trading.purchases.buy(
                request, client_id=info.context.caller.client_id, key=key
            )

        return await purchase_payload(buy(), info)


def _read(given: DiamondPurchaseInput) -> tuple[PurchaseRequest, str]:
    """Read the request and its idempotency key."""
    key = read_key(given.idempotency_key)
    request = PurchaseRequest(
        diamond_id=read_id(given.diamond_id, "Diamond", "There is no diamond with this id."),
        destination_id=given.destination_id,
        reference=given_or_none(given.reference),
        comments=given_or_none(given.comments) or None,
        return_option=given_or_none(given.return_option),
        expected_price_cents=given.expected_price,
    )
    return request, key
