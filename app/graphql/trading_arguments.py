"""Arguments and pages that the queries of holds, purchases and a diamond's history share."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry

from app.auth.scopes import Scope
from app.graphql import pagination
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.relay import PageInfo, key_of
from inventory.core.errors import ValidationFailed
from inventory.trading.models import Hold as HoldRow
from inventory.trading.models import Purchase as PurchaseRow
from inventory.trading.ownership import check_reference
from inventory.trading.queries import RequestPosition

# A row, and its GraphQL type.
R = TypeVar("R", HoldRow, PurchaseRow)
N = TypeVar("N")
Read = Callable[[RequestPosition | None, int], Awaitable[tuple[list[R], bool]]]

_argument = strawberry.argument
DEFAULT_PAGE = 20

DiamondIdFilter = Annotated[strawberry.ID | None, _argument(description="Only this diamond: global id, or id in REST.")]
AllClients = Annotated[
    bool, _argument(description="Of all clients, not only of the caller. Needs the scope `purchases:admin`.")
]
ClientIdFilter = Annotated[
    str | None,
    _argument(description="Only this client. Another client than the caller needs the scope `purchases:admin`."),
]
ReferenceFilter = Annotated[
    str | None, _argument(description="Only this reference of the client. If omitted: of the client as a whole.")
]
First = Annotated[int | None, _argument(description="Number of rows, at most 100; 20 if omitted.")]
After = Annotated[str | None, _argument(description="Cursor; the page starts after it.")]


async def read_page(
    info: Info, window: tuple[int, tuple[datetime, UUID] | None], read: Read[R], show: Callable[..., Awaitable[list[N]]]
) -> tuple[list[tuple[str, N]], PageInfo]:
    """Read a page and convert its rows, with their cursors. Reads nothing if no field of the page is selected."""
    limit, place = window
    asked, rows, more = info.selection, list[R](), False
    if any(name in asked for name in ("edges", "nodes", "pageInfo")):
        rows, more = await read(RequestPosition(*place) if place else None, limit)
    nodes = await show(rows, info, asked.below("edges").below("node"), asked.below("nodes"))
    cursors = [pagination.encode(row.requested_at, row.id) for row in rows]
    return list(zip(cursors, nodes, strict=True)), pagination.page_info(cursors, more=more, after=place)


def read_client(info: Info, client_id: str | None, *, all_clients: bool) -> str | None:
    """Return the client to filter by: the caller, another client, or None for all, if the caller has the scope."""
    own = info.context.caller.client_id
    if all_clients or client_id not in {None, own}:
        info.context.require(Scope.PURCHASES_ADMIN)
    if client_id is None:
        return None if all_clients else own
    return client_id.replace("\x00", "\ufffd")


def read_reference(text: str | None) -> str | None:
    """Read a reference.

    Raises:
        ValidationFailed: it is blank, too long or not storable.
    """
    check_reference(given_or_none(text))
    return given_or_none(text)


def read_diamond(text: str | None) -> UUID | None:
    if text is None:
        return None
    key = key_of(text, "Diamond")
    if key is None:
        raise ValidationFailed({"diamondId": "is not the id of a diamond"})
    return key
