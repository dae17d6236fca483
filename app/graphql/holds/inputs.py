"""Inputs of the mutations of holds."""

import strawberry
from strawberry import UNSET

_DIAMOND_ID = "Global id of the diamond, or its id in REST."
_HOLD_ID = "Global id of the hold, or its id in REST."
_MINUTES = "Duration from now in minutes; the longest possible one if omitted."


@strawberry.input(description="A hold to create.")
class HoldCreateInput:
    diamond_id: strawberry.ID = strawberry.field(description=_DIAMOND_ID)
    minutes: int | None = strawberry.field(default=UNSET, description=_MINUTES)


@strawberry.input(description="A hold to extend.")
class HoldExtendInput:
    hold_id: strawberry.ID = strawberry.field(description=_HOLD_ID)
    minutes: int | None = strawberry.field(default=UNSET, description=_MINUTES)


@strawberry.input(description="A hold to release.")
class HoldReleaseInput:
    hold_id: strawberry.ID = strawberry.field(description=_HOLD_ID)
