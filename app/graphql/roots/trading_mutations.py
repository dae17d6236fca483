"""Holding and buying: the mutations of clients."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.guard import field
from app.graphql.payload import UserError, read_key, user_errors
from app.graphql.roots.purchase_payload import ERRORS, PurchasePayload, held_until, purchase_payload, read_id
from app.graphql.scalars import Cents
from app.graphql.types.holds import Hold, show_holds
from app.graphql.types.inputs import known
from inventory.core.errors import NotFound, ValidationFailed
from inventory.trading.errors import HoldDenied, TradingConflict
from inventory.trading.models import Hold as HoldRow
from inventory.trading.models import Purchase as PurchaseRow
from inventory.trading.purchase_request import PurchaseRequest
from inventory.trading.states import HoldState

_argument = strawberry.argument
_DIAMOND_ID = "The diamond's global id, or the id by which REST knows it."
_HOLD_ID = "The hold's global id, or the id by which REST knows it."
_MINUTES = "Minutes from now, at most; the longest possible hold when left out."


@strawberry.input(description="Which diamond to hold, and how long.")
class HoldCreateInput:
    diamond_id: strawberry.ID = strawberry.field(description=_DIAMOND_ID)
    minutes: int | None = strawberry.field(default=UNSET, description=_MINUTES)


@strawberry.input(description="Which hold to extend, and how far.")
class HoldExtendInput:
    hold_id: strawberry.ID = strawberry.field(description=_HOLD_ID)
    minutes: int | None = strawberry.field(default=UNSET, description=_MINUTES)


@strawberry.input(description="Which hold to end.")
class HoldReleaseInput:
    hold_id: strawberry.ID = strawberry.field(description=_HOLD_ID)


@strawberry.input(description="What to buy, and under which terms.")
class DiamondPurchaseInput:
    diamond_id: strawberry.ID = strawberry.field(description=_DIAMOND_ID)
    expected_price: Cents = strawberry.field(description="The price that was shown; no other is ever charged.")
    idempotency_key: str = strawberry.field(
        description="Of the client's own choice, new for each purchase: the same request sent again answers what became "
        "of the first."
    )
    destination_id: str = strawberry.field(description="Where it goes, by the supplier's id.")
    reference: str | None = strawberry.field(default=UNSET, description="The client's own reference.")
    comments: str | None = strawberry.field(default=UNSET, description="A comment for the supplier.")
    return_option: bool | None = strawberry.field(default=UNSET, description="Whether it may be returned.")


@strawberry.type(description="What became of a request about a hold.")
class HoldPayload:
    hold: Hold | None = strawberry.field(description="The hold as it is now; null when there is none of the caller's.")
    held_until: datetime | None = strawberry.field(
        description="With ALREADY_HELD, HOLD_NOT_EXTENDABLE: when the hold ends; null otherwise."
    )
    user_errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type
class TradingMutations:
    """What changes holds and purchases; part of `Mutation`."""

    @field(
        says="Holds a diamond for the caller, at its present price. Asked again, it answers the open hold. When the "
        "supplier does not answer, the error SUPPLIER_TIMEOUT: the diamond stays reserved until that is found out.",
        needs=Scope.HOLDS_WRITE,
    )
    async def hold_create(
        self,
        info: Info,
        input: Annotated[HoldCreateInput, _argument(description="Which diamond, and how long.")],  # noqa: A002 - as everywhere
    ) -> HoldPayload | None:
        async def create() -> HoldRow:
            diamond_id = read_id(input.diamond_id, "Diamond", "There is no diamond with this id.")
            return await info.context.desk.holds.create(diamond_id, info.context.caller.client_id, known(input.minutes))

        return await _hold(create(), info, "diamondId")

    @field(
        says="Lets a hold of the caller's last longer: at most as long as the supplier's own hold, and as the longest "
        "hold since it was asked for.",
        needs=Scope.HOLDS_WRITE,
    )
    async def hold_extend(
        self,
        info: Info,
        input: Annotated[HoldExtendInput, _argument(description="Which hold, and how far.")],  # noqa: A002 - as everywhere
    ) -> HoldPayload | None:
        async def extend() -> HoldRow:
            hold_id = read_id(input.hold_id, "Hold", "You have no such hold.")
            return await info.context.desk.holds.extend(hold_id, info.context.caller.client_id, known(input.minutes))

        return await _hold(extend(), info, "holdId")

    @field(says="Ends a hold of the caller's. One that is over stays as it is.", needs=Scope.HOLDS_WRITE)
    async def hold_release(
        self,
        info: Info,
        input: Annotated[HoldReleaseInput, _argument(description="Which hold.")],  # noqa: A002 - as everywhere
    ) -> HoldPayload | None:
        async def release() -> HoldRow:
            hold_id = read_id(input.hold_id, "Hold", "You have no such hold.")
            return await info.context.desk.holds.release(hold_id, info.context.caller.client_id)

        return await _hold(release(), info, "holdId")

    @field(
        says="Buys a diamond, once for each idempotency key, at the expected price or not at all.",
        needs=Scope.PURCHASES_WRITE,
    )
    async def diamond_purchase(
        self,
        info: Info,
        input: Annotated[DiamondPurchaseInput, _argument(description="What, and under which terms.")],  # noqa: A002 - as everywhere
    ) -> PurchasePayload | None:
        async def buy() -> PurchaseRow:
            request, key = _read(input)
            return await info.context.desk.purchases.buy(request, client_id=info.context.caller.client_id, key=key)

        return await purchase_payload(buy(), info)


async def _hold(work: Awaitable[HoldRow], info: Info, subject: str) -> HoldPayload:
    """The answer to a request about a hold. `subject`: the field of the input that names it."""
    try:
        row = await work
    except (ValidationFailed, NotFound, TradingConflict) as error:
        errors = user_errors(error, "input", subject=("input", subject))
        return HoldPayload(hold=None, held_until=held_until(error), user_errors=errors)
    (hold,) = await show_holds([row], info, info.selection.below("hold"))
    errors = user_errors(HoldDenied()) if row.state is HoldState.DENIED else []
    return HoldPayload(hold=hold, held_until=None, user_errors=errors)


def _read(given: DiamondPurchaseInput) -> tuple[PurchaseRequest, str]:
    """The request, and its idempotency key."""
    # A key inside of an input is named by its whole path: not in the schema's spelling, which the payload cuts short.
    key = read_key(given.idempotency_key, "idempotency_key")
    request = PurchaseRequest(
        diamond_id=read_id(given.diamond_id, "Diamond", "There is no diamond with this id."),
        destination_id=given.destination_id,
        reference=known(given.reference) or None,
        comments=known(given.comments) or None,
        return_option=known(given.return_option),
        expected_price_cents=given.expected_price,
    )
    return request, key
