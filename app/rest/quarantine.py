"""`/api/v2/analytics/runs/{run_id}/quarantine`: problems of the supplier items that a run quarantined."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.auth.scopes import Principal, Scope
from app.rest.responses import answer
from app.rest.triggers import path_id
from app.services import State
from inventory.runs import repository
from inventory.runs.review import QuarantineGroup, RawItem


class QuarantinedItemFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An item in quarantine.

    `payload`: JSON text as received. It needs the scopes `prices:supplier` and `certificates:hidden`.
    """

    supplier: str
    supplier_stone_id: str
    observed_at: datetime
    payload: str | None = None


class QuarantineFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A problem (`field: what is wrong`), the number of items that have it, and up to three of them."""

    problem: str
    items: int
    examples: Sequence[QuarantinedItemFigures]


class QuarantineAnswer(msgspec.Struct, frozen=True):
    data: Sequence[QuarantineFigures]


async def show_quarantine(request: Request[State], principal: Principal) -> Response:
    """`GET /api/v2/analytics/runs/{run_id}/quarantine`.

    Raises:
        NotFound: no run has this id.
    """
    run_id = path_id(request, "run_id")
    services = request.state["services"]
    async with services.database.bounded() as connection:
        await repository.run(connection, run_id)
    groups = await services.review.quarantine(run_id)
    sees_payload = principal.may(Scope.PRICES_SUPPLIER) and principal.may(Scope.CERTIFICATES_HIDDEN)
    return answer(QuarantineAnswer([_group(group, sees_payload=sees_payload) for group in groups]))


def _group(group: QuarantineGroup, *, sees_payload: bool) -> QuarantineFigures:
    examples = [_item(item, sees_payload=sees_payload) for item in group.examples]
    return QuarantineFigures(problem=group.problem, items=group.items, examples=examples)


def _item(item: RawItem, *, sees_payload: bool) -> QuarantinedItemFigures:
    return QuarantinedItemFigures(
        supplier=item.feed,
        supplier_stone_id=item.supplier_stone_id,
        observed_at=item.observed_at,
        payload=item.payload if sees_payload else None,
    )
