"""The queries."""

from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.access.scopes import Scope
from app.core.errors import NotFound
from app.graphql.connection import Arguments, DiamondConnection, connect
from app.graphql.context import Info
from app.graphql.diamond import Diamond, columns_of
from app.graphql.guard import field
from app.graphql.inputs import DiamondFilter, DiamondSort
from app.graphql.relay import Node, read_global_id

_argument = strawberry.argument


@strawberry.type(description="What can be asked.")
class Query:
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
    ) -> DiamondConnection:
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
        key = _diamond_key(id)
        return await _find(key, info) if key else None

    @field(
        says="Anything by its global id; null when there is nothing under it.",
        needs=Scope.DIAMONDS_READ,
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _argument(description="The global id.")],  # noqa: A002 - as Relay has it
    ) -> Node | None:
        try:
            type_name, key = read_global_id(id)
        except NotFound:
            return None
        return await _find(key, info) if type_name == "Diamond" else None


def _diamond_key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        pass
    try:
        type_name, key = read_global_id(text)
    except NotFound:
        return None
    return key if type_name == "Diamond" else None


async def _find(key: UUID, info: Info) -> Diamond | None:
    found = await info.context.search.find([key], columns_of(info.selection))
    return Diamond(row=found[key]) if key in found else None
