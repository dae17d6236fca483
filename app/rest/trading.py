"""`/api/v2/diamonds/{id}/hold` and `/purchase`, and `/api/v2/destinations`."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.auth.scopes import Principal
from app.http.idempotency import MAX_KEY_LENGTH, read_header
from app.rest.diamonds import diamond_key
from app.rest.operation import Header
from app.rest.request_body import read_body
from app.rest.responses import answer
from app.services import State
from inventory.core.errors import BadRequest
from inventory.core.texts import MAX_TEXT_LENGTH, MAX_WORD_LENGTH
from inventory.trading.purchase_errors import purchase_error
from inventory.trading.purchase_request import PurchaseRequest
from inventory.trading.states import REST_STATUS, HoldState, PurchaseState

# Postgres text cannot hold NUL. `PurchaseRequest` validates the rest, for REST and GraphQL.
_PATTERN = r"^[^\x00]*$"
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_WORD_LENGTH, pattern=_PATTERN)]
_Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_LENGTH, pattern=_PATTERN)]
_Cents = Annotated[int, msgspec.Meta(ge=0, le=10**15 - 1)]

IDEMPOTENCY_KEY = Header(
    "X-Idempotency-Key",
    "A key that the client chooses, new for each purchase. A repeated request with the same key returns the result of the first.",
    {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
)


class HoldOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold of a diamond; the body is optional. `reference`: the shopper of the client; another one receives 409."""

    reference: _Word | None = None


class HeldDiamond(msgspec.Struct, frozen=True):
    """A hold. `denied`: the supplier rejected it. `until`: its expiry, null for a denied hold."""

    id: UUID
    denied: bool
    until: datetime | None


class HoldAnswer(msgspec.Struct, frozen=True):
    """Response of `hold`."""

    data: HeldDiamond


class PurchaseOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Purchase of a diamond. `expected_price_cents`: the retail price that the client has seen."""

    destination_id: _Word
    reference: _Word | None = None
    comments: _Text | None = None
    return_option: bool | None = None
    expected_price_cents: _Cents | None = None


class PurchaseStatus(StrEnum):
    """Status of an order. `confirmed`: the supplier accepted it."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class BoughtDiamond(msgspec.Struct, frozen=True):
    """A purchase. `state` distinguishes an order that the supplier accepted (`ordered`) from a confirmed order."""

    id: UUID
    status: PurchaseStatus
    state: PurchaseState


class PurchaseAnswer(msgspec.Struct, frozen=True):
    """Response of `purchase`."""

    data: BoughtDiamond


class ListedDestination(msgspec.Struct, frozen=True):
    """A delivery location. `id` is the `destination_id` of a purchase. `default`: default of the supplier account."""

    id: str
    name: str
    address: Sequence[str]
    postal_code: str | None
    city: str | None
    state: str | None
    country: str | None
    default: bool


class DestinationsAnswer(msgspec.Struct, frozen=True):
    """Destinations of the supplier account."""

    data: Sequence[ListedDestination]


async def list_destinations(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/destinations`: the default first.

    Raises:
        SupplierError: the supplier does not answer or does not list destinations. Purchases then accept any destination.
    """
    found = await request.state["services"].trading.destinations.listed()
    return answer(DestinationsAnswer([ListedDestination(**msgspec.structs.asdict(one)) for one in found]))


async def hold_diamond(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/diamonds/{id}/hold`: create a hold, or return the open hold of the client.

    Raises:
        ValidationFailed: the reference is invalid, or the body has another field.
        NotFound: no diamond has this id.
        TradingConflict: the diamond cannot be held; `details.reason` states why.
        OutcomeUnknown: the supplier did not answer. The client may retry.
    """
    order = await read_body(request, HoldOrder) if (await request.body()).strip() else HoldOrder()
    hold = await request.state["services"].trading.holds.create(
        diamond_key(request), principal.client_id, reference=order.reference
    )
    return answer(
        HoldAnswer(HeldDiamond(hold.id, hold.state is HoldState.DENIED, hold.expires_at if hold.open else None))
    )


async def purchase_diamond(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/diamonds/{id}/purchase`.

    Raises:
        BadRequest: the idempotency key is missing or repeated.
        NotFound: no diamond has this id.
        TradingConflict: the purchase is not possible or the supplier declined it; `details.reason` states why.
        OutcomeUnknown: the outcome of the order is not known. A retry with the same key returns it later.
    """
    key = _idempotency_key(request)
    order = await read_body(request, PurchaseOrder)
    purchase_request = PurchaseRequest(diamond_id=diamond_key(request), **msgspec.structs.asdict(order))
    purchase = await request.state["services"].trading.purchases.buy(
        purchase_request, client_id=principal.client_id, key=key
    )
    error = purchase_error(purchase)
    if error is not None:
        raise error
    status = PurchaseStatus(REST_STATUS[purchase.state])
    return answer(PurchaseAnswer(BoughtDiamond(purchase.id, status, purchase.state)))


def _idempotency_key(request: Request[State]) -> str:
    values = request.headers.getlist(IDEMPOTENCY_KEY.name)
    try:
        (text,) = values
        return read_header(text)
    except ValueError:
        problem = f"Send one header {IDEMPOTENCY_KEY.name} of 1 to {MAX_KEY_LENGTH} printable characters."
        raise BadRequest(problem) from None
