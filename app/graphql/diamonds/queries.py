"""Queries for diamonds: search, single diamond, lookup by certificate."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.diamonds.connection import ConnectionArguments, DiamondConnection, connect
from app.graphql.diamonds.filter_reader import read_text
from app.graphql.diamonds.inputs import DiamondFilter
from app.graphql.diamonds.sort import MAX_SORTS, DiamondSort
from app.graphql.diamonds.types import Diamond, columns_of, find_diamonds
from app.graphql.permissions import field
from app.graphql.relay import key_of
from inventory.catalog.search import RETAIL_PRICE, DiamondCriteria, PageWindow, SortOrder
from inventory.catalog.vocabulary.criteria import labs
from inventory.core.errors import ValidationFailed

_argument = strawberry.argument


@strawberry.type
class DiamondQueries:
    """Fields of `Query` for diamonds."""

    @field(
        description="Searches diamonds, in a stable order. Without a sort: by price, lowest first.",
        scope=Scope.DIAMONDS_READ,
    )
    async def diamonds(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the argument's name in every GraphQL API
            DiamondFilter | None,
            _argument(description="Search criteria. If omitted: all diamonds that are available or on hold."),
        ] = UNSET,
        sort: Annotated[
            list[DiamondSort] | None,
            _argument(description=f"Sort order: up to {MAX_SORTS} keys, the first one first."),
        ] = UNSET,
        first: Annotated[int | None, _argument(description="Forward page: number of diamonds, at most 100.")] = UNSET,
        after: Annotated[str | None, _argument(description="Cursor; the page starts after it.")] = UNSET,
        last: Annotated[int | None, _argument(description="Backward page: number of diamonds, at most 100.")] = UNSET,
        before: Annotated[str | None, _argument(description="Cursor; the page ends before it.")] = UNSET,
    ) -> DiamondConnection | None:
        arguments = ConnectionArguments(filter, sort, first=first, after=after, last=last, before=before)
        return await connect(arguments, info)

    @field(description="A diamond; null if it is not in the inventory.", scope=Scope.DIAMONDS_READ)
    async def diamond(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - the argument's name in every GraphQL API
            strawberry.ID, _argument(description="Global id, or id in REST.")
        ],
    ) -> Diamond | None:
        key = key_of(id, "Diamond")
        return (await find_diamonds([key], info)).get(key) if key else None

    @field(
        description="The diamond with a certificate; the cheapest offer if several suppliers offer it, null if none "
        "does.",
        scope=Scope.DIAMONDS_READ,
    )
    async def diamond_by_certificate(
        self,
        info: Info,
        lab: Annotated[str, _argument(description="Laboratory, such as `GIA`.")],
        number: Annotated[str, _argument(description="Certificate number.")],
    ) -> Diamond | None:
        criteria = DiamondCriteria(
            certificate_lab=labs(_texts("lab", lab)), certificate_number=_texts("number", number)
        )
        order, first = SortOrder(RETAIL_PRICE), PageWindow(limit=1)
        page = await info.context.search.page(criteria, order, first, columns_of(info.selection))
        return Diamond(row=page.hits[0].diamond) if page.hits else None


def _texts(name: str, text: str) -> list[str]:
    try:
        return [read_text(text)]
    except ValueError as error:
        raise ValidationFailed({name: str(error)}) from None
