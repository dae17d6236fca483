"""What can be asked about holds and purchases: one's own, with `purchases:admin` everyone's, and all of a stone's."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.guard import field
from app.graphql.relay import PageInfo, key_of
from app.graphql.types import positions
from app.graphql.types.destinations import Destination, show_destination
from app.graphql.types.history import DiamondHistory, show_history
from app.graphql.types.holds import Hold, HoldState, show_holds
from app.graphql.types.inputs import known
from app.graphql.types.purchases import Purchase, PurchaseState, show_purchases
from inventory.core.errors import ValidationFailed
from inventory.trading import states
from inventory.trading.models import Hold as HoldRow
from inventory.trading.models import Purchase as PurchaseRow
from inventory.trading.queries import HoldFilter, Position, PurchaseFilter

# A row, and what the schema shows of it.
R = TypeVar("R", HoldRow, PurchaseRow)
N = TypeVar("N", Hold, Purchase)
Read = Callable[[Position | None, int], Awaitable[tuple[list[R], bool]]]

_argument = strawberry.argument
_DEFAULT_PAGE = 20

_HOLD_STATES: Mapping[HoldState, states.HoldState] = {HoldState(one.value): one for one in states.HoldState}
_PURCHASE_STATES: Mapping[PurchaseState, states.PurchaseState] = {
    PurchaseState(one.value): one for one in states.PurchaseState
}

_DiamondId = Annotated[
    strawberry.ID | None, _argument(description="Only of this diamond, by its global id or the id of REST.")
]
_Everyone = Annotated[
    bool, _argument(description="Everyone's, not only the caller's. Needs the scope `purchases:admin`.")
]
_ClientId = Annotated[
    str | None,
    _argument(description="Only those of this client; another client's need the scope `purchases:admin`."),
]
_First = Annotated[int | None, _argument(description="This many, at most 100; 20 when left out.")]
_After = Annotated[str | None, _argument(description="Those after this cursor.")]


@strawberry.type(description="A hold in a connection.")
class HoldEdge:
    cursor: str = strawberry.field(description="Where the hold stands, for `after`.")
    node: Hold = strawberry.field(description="The hold.")


@strawberry.type(description="Holds, newest first, a page at a time.")
class HoldConnection:
    criteria: strawberry.Private[HoldFilter]
    edges: list[HoldEdge] = strawberry.field(description="The holds of this page with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page lies.")

    @field(says="The holds of this page.")
    def nodes(self) -> list[Hold]:
        return [edge.node for edge in self.edges]

    @field(says="How many holds there are in all. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await info.context.desk.records.count_of_holds(self.criteria)


@strawberry.type(description="A purchase in a connection.")
class PurchaseEdge:
    cursor: str = strawberry.field(description="Where the purchase stands, for `after`.")
    node: Purchase = strawberry.field(description="The purchase.")


@strawberry.type(description="Purchases, newest first, a page at a time.")
class PurchaseConnection:
    criteria: strawberry.Private[PurchaseFilter]
    edges: list[PurchaseEdge] = strawberry.field(description="The purchases of this page with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page lies.")

    @field(says="The purchases of this page.")
    def nodes(self) -> list[Purchase]:
        return [edge.node for edge in self.edges]

    @field(says="How many purchases there are in all. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await info.context.desk.records.count_of_purchases(self.criteria)


@strawberry.type
class TradingQueries:
    """What can be asked about trading; part of `Query`."""

    @field(says="Holds, newest first: the caller's own, or everyone's.", needs=Scope.HOLDS_WRITE)
    async def holds(
        self,
        info: Info,
        state: Annotated[list[HoldState] | None, _argument(description="Only in one of these states.")] = UNSET,
        diamond_id: _DiamondId = UNSET,
        everyone: _Everyone = False,
        client_id: _ClientId = UNSET,
        first: _First = UNSET,
        after: _After = UNSET,
    ) -> HoldConnection | None:
        window = positions.read_window(known(first), known(after), _DEFAULT_PAGE)
        criteria = HoldFilter(
            client_id=_client(info, known(client_id), everyone=everyone),
            diamond_id=_diamond(known(diamond_id)),
            states=None if (wanted := known(state)) is None else [_HOLD_STATES[one] for one in wanted],
        )
        read = partial(info.context.desk.records.page_of_holds, criteria)
        listed, page = await _page(info, window, read, show_holds)
        edges = [HoldEdge(cursor=cursor, node=node) for cursor, node in listed]
        return HoldConnection(criteria=criteria, edges=edges, page_info=page)

    @field(says="Purchases, newest first: the caller's own, or everyone's.", needs=Scope.PURCHASES_WRITE)
    async def purchases(
        self,
        info: Info,
        state: Annotated[list[PurchaseState] | None, _argument(description="Only in one of these states.")] = UNSET,
        diamond_id: _DiamondId = UNSET,
        everyone: _Everyone = False,
        client_id: _ClientId = UNSET,
        first: _First = UNSET,
        after: _After = UNSET,
    ) -> PurchaseConnection | None:
        window = positions.read_window(known(first), known(after), _DEFAULT_PAGE)
        criteria = PurchaseFilter(
            client_id=_client(info, known(client_id), everyone=everyone),
            diamond_id=_diamond(known(diamond_id)),
            states=None if (wanted := known(state)) is None else [_PURCHASE_STATES[one] for one in wanted],
        )
        read = partial(info.context.desk.records.page_of_purchases, criteria)
        listed, page = await _page(info, window, read, show_purchases)
        edges = [PurchaseEdge(cursor=cursor, node=node) for cursor, node in listed]
        return PurchaseConnection(criteria=criteria, edges=edges, page_info=page)

    @field(
        says="The destinations to which an order can go, the default first: the locations of the supplier's account. An error "
        "where the supplier does not list them; a purchase then accepts any destination.",
        needs=Scope.PURCHASES_WRITE,
    )
    async def destinations(self, info: Info) -> list[Destination] | None:
        return [show_destination(one) for one in await info.context.desk.destinations.listed()]

    @field(
        says="All that happened to a diamond, newest first: every hold and purchase there ever was, and the events of the "
        "log as long as they are kept.",
        needs=Scope.PURCHASES_ADMIN,
    )
    async def diamond_history(
        self,
        info: Info,
        diamond_id: Annotated[
            strawberry.ID, _argument(description="The diamond's global id, or the id by which REST knows it.")
        ],
        first: _First = UNSET,
        after: _After = UNSET,
    ) -> DiamondHistory | None:
        limit, place = positions.read_window(known(first), known(after), _DEFAULT_PAGE)
        key = _diamond(diamond_id)
        assert key is not None  # noqa: S101 - it is required
        return await show_history(info, key, place, limit)


async def _page(
    info: Info, window: tuple[int, tuple[datetime, UUID] | None], read: Read[R], show: Callable[..., Awaitable[list[N]]]
) -> tuple[list[tuple[str, N]], PageInfo]:
    """What stands on a page, with its cursors; nothing is read where nothing of it was asked for."""
    limit, place = window
    asked, rows, more = info.selection, list[R](), False
    if any(name in asked for name in ("edges", "nodes", "pageInfo")):
        rows, more = await read(Position(*place) if place else None, limit)
    nodes = await show(rows, info, asked.below("edges").below("node"), asked.below("nodes"))
    cursors = [positions.encode(row.requested_at, row.id) for row in rows]
    return list(zip(cursors, nodes, strict=True)), positions.page_info(cursors, more=more, after=place)


def _client(info: Info, client_id: str | None, *, everyone: bool) -> str | None:
    """The client whose records are read: the caller, or another one where the caller may see them."""
    own = info.context.caller.client_id
    if everyone or client_id not in {None, own}:
        info.context.require(Scope.PURCHASES_ADMIN)
    if client_id is None:
        return None if everyone else own
    return client_id.replace("\x00", "\ufffd")


def _diamond(text: str | None) -> UUID | None:
    if text is None:
        return None
    key = key_of(text, "Diamond")
    if key is None:
        raise ValidationFailed({"diamondId": "is no diamond's id"})
    return key
