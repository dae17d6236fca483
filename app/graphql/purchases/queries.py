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
from app.graphql.purchases.figures import TradingFigureQueries
from app.graphql.purchases.types import Purchase, PurchaseState, purchases_to_graphql
from app.graphql.relay import PageInfo, key_of
from app.graphql.trading_arguments import (
    DEFAULT_PAGE,
    After,
    AllClients,
    ClientIdFilter,
    DiamondIdFilter,
    First,
    ReferenceFilter,
    read_client,
    read_diamond,
    read_page,
    read_reference,
)
from app.graphql.user_errors import read_key
from inventory.core.errors import ValidationFailed
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
class PurchaseQueries(TradingFigureQueries):
    """Fields of `Query` for purchases."""

    @field(
        description="The newest purchase of the caller that matches all given arguments, at least one; null if there is none. "
        "Use it to read the outcome of a purchase after a lost response.",
        scope=Scope.PURCHASES_WRITE,
    )
    async def purchase(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - GraphQL convention
            strawberry.ID | None, _argument(description="Global id of the purchase, or its id in REST.")
        ] = UNSET,
        reference: ReferenceFilter = UNSET,
        idempotency_key: Annotated[str | None, _argument(description="Idempotency key of the purchase.")] = UNSET,
    ) -> Purchase | None:
        stated, given, key = read_reference(reference), given_or_none(id), given_or_none(idempotency_key)
        if (given, stated, key) == (None, None, None):
            raise ValidationFailed({"id": "is required, or reference or idempotencyKey"})
        purchase_id = None if given is None else key_of(given, "Purchase")
        if given is not None and purchase_id is None:
            return None
        caller = info.context.caller
        row = await info.context.services.trading.records.find_purchase(
            None if given is not None and caller.may(Scope.PURCHASES_ADMIN) else caller.client_id,
            purchase_id=purchase_id,
            reference=stated,
            key=None if key is None else read_key(key),
        )
        return None if row is None else (await purchases_to_graphql([row], info))[0]

    @field(description="Purchases, newest first: those of the caller, or of all clients.", scope=Scope.PURCHASES_WRITE)
    async def purchases(
        self,
        info: Info,
        state: Annotated[list[PurchaseState] | None, _argument(description="Only these states.")] = UNSET,
        reference: ReferenceFilter = UNSET,
        diamond_id: DiamondIdFilter = UNSET,
        all_clients: AllClients = False,
        client_id: ClientIdFilter = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> PurchaseConnection | None:
        window = pagination.read_window(given_or_none(first), given_or_none(after), DEFAULT_PAGE)
        criteria = PurchaseFilter(
            client_id=read_client(info, given_or_none(client_id), all_clients=all_clients),
            reference=read_reference(reference),
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
