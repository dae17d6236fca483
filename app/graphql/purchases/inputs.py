"""Inputs of the mutations of purchases."""

from enum import Enum

import strawberry
from strawberry import UNSET

from app.graphql.scalars import Cents

_DIAMOND_ID = "Global id of the diamond, or its id in REST."


@strawberry.input(description="A purchase and its terms.")
class DiamondPurchaseInput:
    diamond_id: strawberry.ID = strawberry.field(description=_DIAMOND_ID)
    expected_price: Cents = strawberry.field(
        description="The price shown to the customer, in cents. No other price is charged."
    )
    idempotency_key: str = strawberry.field(
        description="Chosen by the client, new for each purchase. A repeated request with the same key returns the first "
        "purchase."
    )
    destination_id: str = strawberry.field(description="Destination: its id at the supplier.")
    reference: str | None = strawberry.field(
        default=UNSET,
        description="Reference of the client, such as a shopper or a cart. A diamond held under a reference is purchased under "
        "the same one; another receives ALREADY_HELD. The supplier receives it as a comment.",
    )
    comments: str | None = strawberry.field(default=UNSET, description="A comment for the supplier.")
    return_option: bool | None = strawberry.field(
        default=UNSET, description="Whether to request the right to return the diamond."
    )


@strawberry.enum(description="Outcome of a purchase, as an operator verified it.")
class PurchaseOutcome(Enum):
    ORDERED = strawberry.enum_value(
        "ordered", description="The supplier has the order and has neither confirmed nor declined it."
    )
    CONFIRMED = strawberry.enum_value("confirmed", description="The supplier has the order and has confirmed it.")
    FAILED = strawberry.enum_value("failed", description="The supplier has no such order and will not receive it.")


_PURCHASE_ID = "Global id of the purchase, or its number on the invoice."
_REASON = "Source of the information, such as a person or a message."
_ORDER_ID = "Id of the order at the supplier."


@strawberry.input(description="The verified outcome of a purchase.")
class PurchaseResolveInput:
    purchase_id: strawberry.ID = strawberry.field(description=_PURCHASE_ID)
    outcome: PurchaseOutcome = strawberry.field(description="The outcome.")
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
    return_granted: bool | None = strawberry.field(
        default=UNSET, description="Whether the supplier grants the requested return, if its message says so."
    )


@strawberry.input(description="The supplier's decline of an accepted order.")
class PurchaseDeclineInput:
    purchase_id: strawberry.ID = strawberry.field(description=_PURCHASE_ID)
    reason: str = strawberry.field(description=_REASON)
