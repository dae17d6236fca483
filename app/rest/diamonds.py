"""`/api/v2/diamonds`: diamond search, diamond and availability of the REST contract."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.auth.scopes import Principal, Scope
from app.rest.parameters import Parameters
from app.rest.responses import Pagination, answer
from app.rest.search_parameters import read_search
from app.rest.serializers import SERIALIZED, DiamondAnswer, own_hold, serialize
from app.services import State
from inventory.catalog.diamond import SUPPLIER_COST, Diamond
from inventory.catalog.search import DiamondSearch, PageOffset
from inventory.catalog.visibility import visible
from inventory.core.errors import NotFound

_WITHOUT_COST = frozenset(SERIALIZED) - SUPPLIER_COST


class DiamondsAnswer(msgspec.Struct, frozen=True):
    """A page of a search."""

    data: Sequence[DiamondAnswer]
    pagination: Pagination


class OneDiamondAnswer(msgspec.Struct, frozen=True):
    """One diamond."""

    data: DiamondAnswer


class Availability(msgspec.Struct, frozen=True):
    """Availability of a diamond. `hold_id`: the open hold of the client on it, or null."""

    id: UUID
    availability: str
    hold_id: str | None


class AvailabilityAnswer(msgspec.Struct, frozen=True):
    """Response of `availability`."""

    data: Availability


def _visible_columns(principal: Principal) -> Collection[str]:
    """Return the columns of a response that the client may see. Other columns are not selected."""
    return SERIALIZED if principal.may(Scope.PRICES_SUPPLIER) else _WITHOUT_COST


async def list_diamonds(request: Request[State], principal: Principal) -> Response:
    """`GET /api/v2/diamonds`."""
    search_request = read_search(Parameters(request.query_params))
    if search_request.tells_supplier_prices:
        principal.require(Scope.PRICES_SUPPLIER)
    diamonds = _search(request, principal)
    offset = PageOffset(search_request.limit, (search_request.page - 1) * search_request.limit)
    total, page = await diamonds.counted_page(
        search_request.criteria, search_request.order, offset, _visible_columns(principal)
    )
    data = [serialize(hit.diamond, principal.client_id) for hit in page.hits]
    return answer(DiamondsAnswer(data, Pagination.of(total, search_request.page, search_request.limit)))


async def show_diamond(request: Request[State], principal: Principal) -> Response:
    """`GET /api/v2/diamonds/{id}`.

    Raises:
        NotFound: no active diamond has this id, or the id is malformed.
    """
    diamond = await _find(request, principal, _visible_columns(principal))
    return answer(OneDiamondAnswer(serialize(diamond, principal.client_id)))


async def show_availability(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/diamonds/{id}/availability`: as of the last sync, without a request to the supplier.

    Raises:
        NotFound: see `show_diamond`.
    """
    diamond = await _find(request, principal, {"id", "availability", "open_hold"})
    hold_id = own_hold(diamond, principal.client_id)
    return answer(AvailabilityAnswer(Availability(diamond.id, diamond.availability, hold_id)))


def _search(request: Request[State], principal: Principal) -> DiamondSearch:
    return visible(request.state["services"].search, sees_hidden=principal.may(Scope.CERTIFICATES_HIDDEN))


async def _find(request: Request[State], principal: Principal, columns: Collection[str]) -> Diamond:
    diamond_id = diamond_key(request)
    found = await _search(request, principal).find([diamond_id], columns)
    if diamond_id not in found:
        raise NotFound("There is no diamond with this id.")
    return found[diamond_id]


def diamond_key(request: Request[State]) -> UUID:
    """Return the diamond id of the path.

    Raises:
        NotFound: the id is malformed.
    """
    try:
        return UUID(request.path_params["id"])
    except ValueError:
        raise NotFound("There is no diamond with this id.") from None
