"""Query for holds."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql import pagination
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.holds.types import Hold, HoldState, find_holds, holds_to_graphql
from app.graphql.permissions import field
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
from inventory.trading import states
from inventory.trading.queries import HoldFilter

_argument = strawberry.argument

_STATES: Mapping[HoldState, states.HoldState] = {HoldState(one.value): one for one in states.HoldState}


@strawberry.type(description="A hold in a connection.")
class HoldEdge:
    cursor: str = strawberry.field(description="Cursor of the hold, for `after`.")
    node: Hold = strawberry.field(description="The hold.")


@strawberry.type(description="Page of holds, newest first.")
class HoldConnection:
    criteria: strawberry.Private[HoldFilter]
    edges: list[HoldEdge] = strawberry.field(description="Holds of this page with their cursors.")
    page_info: PageInfo = strawberry.field(description="Position of this page.")

    @field(description="Holds of this page.")
    def nodes(self) -> list[Hold]:
        return [edge.node for edge in self.edges]

    @field(description="Total number of holds. Computed only if selected.")
    async def total_count(self, info: Info) -> int:
        return await info.context.services.trading.records.count_of_holds(self.criteria)


@strawberry.type
class HoldQueries:
    """Fields of `Query` for holds."""

    @field(
        description="A hold of the caller; null if the caller or the reference has no such hold.",
        scope=Scope.HOLDS_WRITE,
    )
    async def hold(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _argument(description="Global id of the hold, or its id in REST.")],  # noqa: A002 - GraphQL convention
        reference: ReferenceFilter = UNSET,
    ) -> Hold | None:
        stated, key = read_reference(reference), key_of(id, "Hold")
        found = (await find_holds([key], info)).get(key) if key else None
        return found if found and stated in {None, found.reference} else None

    @field(description="Holds, newest first: those of the caller, or of all clients.", scope=Scope.HOLDS_WRITE)
    async def holds(
        self,
        info: Info,
        state: Annotated[list[HoldState] | None, _argument(description="Only these states.")] = UNSET,
        reference: ReferenceFilter = UNSET,
        diamond_id: DiamondIdFilter = UNSET,
        all_clients: AllClients = False,
        client_id: ClientIdFilter = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> HoldConnection | None:
        window = pagination.read_window(given_or_none(first), given_or_none(after), DEFAULT_PAGE)
        criteria = HoldFilter(
            client_id=read_client(info, given_or_none(client_id), all_clients=all_clients),
            reference=read_reference(reference),
            diamond_id=read_diamond(given_or_none(diamond_id)),
            states=None if (wanted := given_or_none(state)) is None else [_STATES[one] for one in wanted],
        )
        read = partial(info.context.services.trading.records.page_of_holds, criteria)
        listed, page = await read_page(info, window, read, holds_to_graphql)
        edges = [HoldEdge(cursor=cursor, node=node) for cursor, node in listed]
        return HoldConnection(criteria=criteria, edges=edges, page_info=page)
