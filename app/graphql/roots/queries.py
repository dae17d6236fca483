"""The queries."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.guard import field
from app.graphql.relay import Node, key_of
from app.graphql.roots.run_queries import RunQueries
from app.graphql.roots.subscriptions import EventQueries
from app.graphql.roots.trading_queries import TradingQueries
from app.graphql.types.caller import Caller, show_caller
from app.graphql.types.connection import Arguments, DiamondConnection, connect
from app.graphql.types.diamond import Diamond, columns_of
from app.graphql.types.inputs import DiamondFilter, DiamondSort, read_text
from app.graphql.types.nodes import MOST_NODES, find_diamonds, find_nodes
from app.graphql.types.pricing import PricingQueries
from inventory.catalog.search import RETAIL_PRICE, Filter, Order, Window
from inventory.catalog.vocabulary.criteria import labs
from inventory.core.errors import ValidationFailed

_argument = strawberry.argument


@strawberry.type(description="What can be asked.")
class Query(PricingQueries, RunQueries, TradingQueries, EventQueries):
    @field(
        says="Diamonds that match, in a stable order. Without a sort: by price, the lowest first.",
        needs=Scope.DIAMONDS_READ,
    )
    async def diamonds(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the argument's name in every GraphQL API
            DiamondFilter | None, _argument(description="Which diamonds; all when left out.")
        ] = UNSET,
        sort: Annotated[DiamondSort | None, _argument(description="In which order.")] = UNSET,
        first: Annotated[int | None, _argument(description="Page forwards: this many, at most 100.")] = UNSET,
        after: Annotated[str | None, _argument(description="Those after this cursor.")] = UNSET,
        last: Annotated[int | None, _argument(description="Page backwards: this many, at most 100.")] = UNSET,
        before: Annotated[str | None, _argument(description="Those before this cursor.")] = UNSET,
    ) -> DiamondConnection | None:
        arguments = Arguments(filter, sort, first=first, after=after, last=last, before=before)
        return await connect(arguments, info)

    @field(says="One diamond; null when it is not in the inventory.", needs=Scope.DIAMONDS_READ)
    async def diamond(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - the argument's name in every GraphQL API
            strawberry.ID, _argument(description="The global id, or the id by which REST knows the diamond.")
        ],
    ) -> Diamond | None:
        key = key_of(id, "Diamond")
        return (await find_diamonds([key], info)).get(key) if key else None

    @field(
        says="The diamond with a laboratory's report; the cheapest offer when several suppliers offer the same stone, "
        "null when none does.",
        needs=Scope.DIAMONDS_READ,
    )
    async def diamond_by_certificate(
        self,
        info: Info,
        lab: Annotated[str, _argument(description="The laboratory, such as `GIA`.")],
        number: Annotated[str, _argument(description="The report's number.")],
    ) -> Diamond | None:
        criteria = Filter(certificate_lab=labs(_texts("lab", lab)), certificate_number=_texts("number", number))
        order, first = Order(RETAIL_PRICE), Window(limit=1)
        page = await info.context.search.page(criteria, order, first, columns_of(info.selection))
        return Diamond(row=page.hits[0].diamond) if page.hits else None

    @field(says="Anything by its global id; null when there is nothing under it. Needs the scope of its type.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _argument(description="The global id.")],  # noqa: A002 - as Relay has it
    ) -> Node | None:
        (found,) = await find_nodes([id], info)
        return found

    @field(
        says="Several things by their global ids, in the same order; null for an id with nothing under it. Needs the "
        "scope of each type among them."
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], _argument(description=f"The global ids, at most {MOST_NODES}.")],
    ) -> list[Node | None] | None:
        return await find_nodes(ids, info)

    @field(says="Who is asking.")
    def me(self, info: Info) -> Caller:
        return show_caller(info.context.caller, info.context.settings)


def _texts(name: str, text: str) -> list[str]:
    try:
        return [read_text(text)]
    except ValueError as error:
        raise ValidationFailed({name: str(error)}) from None
