"""Inputs of the mutations of holds."""

import strawberry
from strawberry import UNSET

_DIAMOND_ID = "Global id of the diamond, or its id in REST."
_HOLD_ID = "Global id of the hold, or its id in REST."
_REFERENCE = (
    "Reference of the client, such as a shopper or a cart. If stated, the request acts for this reference only; if omitted, for "
    "the client as a whole."
)
_MINUTES = "Duration from now in minutes; the longest possible one if omitted."


@strawberry.input(description="A hold to create.")
class HoldCreateInput:
    diamond_id: strawberry.ID = strawberry.field(description=_DIAMOND_ID)
    reference: str | None = strawberry.field(
        default=UNSET,
        description="Reference of the client, such as a shopper or a cart. Another reference receives ALREADY_HELD.",
    )
    minutes: int | None = strawberry.field(default=UNSET, description=_MINUTES)


@strawberry.input(description="A hold to extend.")
class HoldExtendInput:
    hold_id: strawberry.ID = strawberry.field(description=_HOLD_ID)
    reference: str | None = strawberry.field(default=UNSET, description=_REFERENCE)
    minutes: int | None = strawberry.field(default=UNSET, description=_MINUTES)


@strawberry.input(description="A hold to release.")
class HoldReleaseInput:
    hold_id: strawberry.ID = strawberry.field(description=_HOLD_ID)
    reference: str | None = strawberry.field(default=UNSET, description=_REFERENCE)
