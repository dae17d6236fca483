"""Queries for purchases and for the destinations of orders."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql import pagination
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.purchases.destinations import Destination, destination_to_graphql
from app.graphql.purchases.types import Purchase, PurchaseState, purchases_to_graphql
from app.graphql.relay import PageInfo
from app.graphql.trading_arguments import (
    DEFAULT_PAGE,
    After,
    AllClients,
    ClientIdFilter,
    DiamondIdFilter,
    First,
    read_client,
    read_diamond,
    read_page,
)
from inventory.trading import states
from inventory.trading.queries import PurchaseFilter

_argument = strawberry.argument

_STATES: Mapping[PurchaseState, states.PurchaseState] = {PurchaseState(one.value): one for one in states.PurchaseState}


@strawberry.type(description="A purchase in a connection.")
class PurchaseEdge:
    cursor: str = strawberry.field(description="Cursor of the purchase, for `after`.")
    node: Purchase = strawberry.field(description="The purchase.")


@strawberry.type(description="Page of purchases, newest first.")
class PurchaseConnection:
    criteria: strawberry.Private[PurchaseFilter]
    edges: list[PurchaseEdge] = strawberry.field(description="Purchases of this page with their cursors.")
    page_info: PageInfo = strawberry.field(description="Position of this page.")

    @field(description="Purchases of this page.")
    def nodes(self) -> list[Purchase]:
        return [edge.node for edge in self.edges]

    @field(description="Total number of purchases. Computed only if selected.")
    async def total_count(self, info: Info) -> int:
        return await info.context.services.trading.records.count_of_purchases(self.criteria)


@strawberry.type
class PurchaseQueries:
    """Fields of `Query` for purchases."""

    @field(description="Purchases, newest first: those of the caller, or of all clients.", scope=Scope.PURCHASES_WRITE)
    async def purchases(
        self,
        info: Info,
        state: Annotated[list[PurchaseState] | None, _argument(description="Only these states.")] = UNSET,
        diamond_id: DiamondIdFilter = UNSET,
        all_clients: AllClients = False,
        client_id: ClientIdFilter = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> PurchaseConnection | None:
        window = pagination.read_window(given_or_none(first), given_or_none(after), DEFAULT_PAGE)
        criteria = PurchaseFilter(
            client_id=read_client(info, given_or_none(client_id), all_clients=all_clients),
            diamond_id=read_diamond(given_or_none(diamond_id)),
            states=None if (wanted := given_or_none(state)) is None else [_STATES[one] for one in wanted],
        )
        read = partial(info.context.services.trading.records.page_of_purchases, criteria)
        listed, page = await read_page(info, window, read, purchases_to_graphql)
        edges = [PurchaseEdge(cursor=cursor, node=node) for cursor, node in listed]
        return PurchaseConnection(criteria=criteria, edges=edges, page_info=page)

    @field(
        description="Destinations of orders, the default first: the locations of the supplier account. An error if the supplier "
        "does not list them; a purchase then accepts any destination.",
        scope=Scope.PURCHASES_WRITE,
    )
    async def destinations(self, info: Info) -> list[Destination] | None:
        return [destination_to_graphql(one) for one in await info.context.services.trading.destinations.listed()]
