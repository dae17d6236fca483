"""`/api/v2/diamonds`: the search and the single diamond of the REST contract."""

from uuid import UUID

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from app.access.scopes import Principal, Scope
from app.catalog import grades, search
from app.catalog.diamond import COLUMNS, SUPPLIER_COST
from app.catalog.search import Filter, Offset, Order
from app.core.errors import NotFound
from app.rest.answers import answer
from app.rest.parameters import Parameters, choice, grade, thousandths, thousandths_down, whole, word
from app.rest.serializers import serialize
from app.rest.state import State

_SORTS = {
    "created_at": search.CREATED,
    "supplier_price_cents": search.SUPPLIER_PRICE,
    "retail_price_cents": search.RETAIL_PRICE,
    "carats": search.CARAT,
    "color": search.COLOR,
    "clarity": search.CLARITY,
}
_BOOLEANS = {"true": True, "false": False}
_DEFAULT_LIMIT, _LARGEST_LIMIT = 50, 100
_LARGEST_PAGE = 10_000_000

_shape, _color, _clarity, _cut = map(grade, (grades.SHAPES, grades.COLORS, grades.CLARITIES, grades.CUTS))
_availability = choice({name: name for name in grades.AVAILABILITIES})
_cents = whole(0, 10**15 - 1)


class SearchRequest(msgspec.Struct, frozen=True):
    """A search as the query string asks for it. `page` counts from 1."""

    criteria: Filter
    order: Order
    page: int
    limit: int

    @property
    def tells_supplier_prices(self) -> bool:
        return self.criteria.tells_supplier_prices or self.order.sort.tells_supplier_prices


def read_search(query: QueryParams) -> SearchRequest:
    """The search that a query string asks for.

    Raises:
        ValidationFailed: names every parameter that is wrong.
    """
    parameters = Parameters(query)
    criteria = Filter(
        shape=parameters.many("shape", _shape),
        color=parameters.many("color", _color),
        clarity=parameters.many("clarity", _clarity),
        cut=parameters.many("cut", _cut),
        carat_milli=parameters.between("carat", thousandths, thousandths_down),
        lab_grown=parameters.one("lab_grown", choice(_BOOLEANS)),
        supplier_price_cents=parameters.between("price", _cents, _cents),
        retail_price_cents=parameters.between("retail_price", _cents, _cents),
        availability=parameters.many("availability", _availability),
        certificate_lab=parameters.many("certificate_lab", word),
        certificate_number=parameters.many("certificate_number", word),
    )
    sort = parameters.one("sort_by", choice(_SORTS)) or search.CREATED
    descending = parameters.one("sort_order", choice({"desc": True, "asc": False}))
    page = parameters.one("page", whole(1, _LARGEST_PAGE)) or 1
    limit = parameters.one("limit", whole(1, _LARGEST_LIMIT)) or _DEFAULT_LIMIT
    parameters.check()
    return SearchRequest(criteria, Order(sort, descending is not False), page, limit)


def _visible_columns(principal: Principal) -> frozenset[str]:
    """The columns that this caller may see; the others are not even read."""
    hidden = frozenset() if principal.may(Scope.PRICES_SUPPLIER) else SUPPLIER_COST
    return frozenset(COLUMNS) - hidden


async def list_diamonds(request: Request[State], principal: Principal) -> Response:
    """`GET /api/v2/diamonds`."""
    asked = read_search(request.query_params)
    if asked.tells_supplier_prices:
        principal.require(Scope.PRICES_SUPPLIER)
    diamonds = request.state["search"]
    stretch = Offset(asked.limit, (asked.page - 1) * asked.limit)
    page = await diamonds.page(asked.criteria, asked.order, stretch, _visible_columns(principal))
    total = await diamonds.count(asked.criteria)
    return answer({
        "data": [serialize(hit.diamond) for hit in page.hits],
        "pagination": {
            "total": total,
            "page": asked.page,
            "limit": asked.limit,
            "totalPages": -(-total // asked.limit),
        },
    })  # fmt: skip


async def show_diamond(request: Request[State], principal: Principal) -> Response:
    """`GET /api/v2/diamonds/{id}`.

    Raises:
        NotFound: no active diamond has this id; what isn't an id at all is nobody's either.
    """
    try:
        diamond_id = UUID(request.path_params["id"])
    except ValueError:
        raise NotFound("There is no diamond with this id.") from None
    found = await request.state["search"].find([diamond_id], _visible_columns(principal))
    if diamond_id not in found:
        raise NotFound("There is no diamond with this id.")
    return answer({"data": serialize(found[diamond_id])})
