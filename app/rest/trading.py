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
from app.http.idempotency import LONGEST_KEY, read_header
from app.rest.diamonds import diamond_key
from app.rest.operation import Header
from app.rest.request_body import read_body, read_nothing
from app.rest.responses import answer
from app.services import State
from inventory.core.errors import BadRequest
from inventory.trading.purchase_errors import purchase_error
from inventory.trading.purchase_request import PurchaseRequest
from inventory.trading.states import REST_STATUS, HoldState, PurchaseState
from inventory.trading.texts import LONGEST_TEXT, LONGEST_WORD

# Postgres takes no NUL. What else the texts must fulfil is checked with the request, for REST and GraphQL alike.
_PATTERN = r"^[^\x00]*$"
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_WORD, pattern=_PATTERN)]
_Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT, pattern=_PATTERN)]
_Cents = Annotated[int, msgspec.Meta(ge=0, le=10**15 - 1)]

IDEMPOTENCY_KEY = Header(
    "X-Idempotency-Key",
    "Of your own choice, new for each purchase: the same request sent again answers what became of the first.",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
)


class HeldDiamond(msgspec.Struct, frozen=True):
    """A hold. `denied`: the supplier said no. `until`: when it ends, null for a denied one."""

    id: UUID
    denied: bool
    until: datetime | None


class HoldAnswer(msgspec.Struct, frozen=True):
    """The answer of `hold`."""

    data: HeldDiamond


class PurchaseOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to buy under which terms. `expected_price_cents`: the retail price that was shown."""

    destination_id: _Word
    reference: _Word | None = None
    comments: _Text | None = None
    return_option: bool | None = None
    expected_price_cents: _Cents | None = None


class PurchaseStatus(StrEnum):
    """What became of the order. `confirmed`: the supplier accepted it."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class BoughtDiamond(msgspec.Struct, frozen=True):
    """A purchase. `state` tells an order that the supplier accepted (`ordered`) from one that it confirmed (`confirmed`)."""

    id: UUID
    status: PurchaseStatus
    state: PurchaseState


class PurchaseAnswer(msgspec.Struct, frozen=True):
    """The answer of `purchase`."""

    data: BoughtDiamond


class ListedDestination(msgspec.Struct, frozen=True):
    """A location to which an order can go. `id` is the `destination_id` of a purchase. `default`: of the account."""

    id: str
    name: str
    address: Sequence[str]
    postal_code: str | None
    city: str | None
    state: str | None
    country: str | None
    default: bool


class DestinationsAnswer(msgspec.Struct, frozen=True):
    """The destinations of the supplier's account."""

    data: Sequence[ListedDestination]


async def list_destinations(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/destinations`: the default first.

    Raises:
        SupplierError: the supplier can't be asked, or does not list them. A purchase then accepts any destination.
    """
    found = await request.state["services"].trading.destinations.listed()
    return answer(DestinationsAnswer([ListedDestination(**msgspec.structs.asdict(one)) for one in found]))


async def hold_diamond(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/diamonds/{id}/hold`: for as long as it may be; asked again, the open hold.

    Raises:
        ValidationFailed: the body holds a field.
        NotFound: there is no such diamond.
        TradingConflict: it can't be held; the reason says why.
        OutcomeUnknown: the supplier did not answer. Ask again later.
    """
    await read_nothing(request)
    hold = await request.state["services"].trading.holds.create(diamond_key(request), principal.client_id)
    return answer(
        HoldAnswer(HeldDiamond(hold.id, hold.state is HoldState.DENIED, hold.expires_at if hold.open else None))
    )


async def purchase_diamond(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/diamonds/{id}/purchase`.

    Raises:
        BadRequest: there is no idempotency key, or more than one.
        NotFound: there is no such diamond.
        TradingConflict: it can't be bought, or not like this, or the supplier declined the order; the reason says why.
        OutcomeUnknown: whether it was bought is not known. The same key answers that later.
    """
    key = _key(request)
    asked = await read_body(request, PurchaseOrder)
    wanted = PurchaseRequest(diamond_id=diamond_key(request), **msgspec.structs.asdict(asked))
    purchase = await request.state["services"].trading.purchases.buy(wanted, client_id=principal.client_id, key=key)
    error = purchase_error(purchase)
    if error is not None:
        raise error
    status = PurchaseStatus(REST_STATUS[purchase.state])
    return answer(PurchaseAnswer(BoughtDiamond(purchase.id, status, purchase.state)))


def _key(request: Request[State]) -> str:
    """The idempotency key in the header."""
    given = request.headers.getlist(IDEMPOTENCY_KEY.name)
    try:
        (text,) = given
        return read_header(text)
    except ValueError:
        problem = f"Send one header {IDEMPOTENCY_KEY.name} of 1 to {LONGEST_KEY} printable characters."
        raise BadRequest(problem) from None
