"""Queries for the event log: the newest cursor, and the history of a diamond."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql import pagination
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.events.history import DiamondHistoryConnection, history_to_graphql
from app.graphql.permissions import field
from app.graphql.trading_arguments import DEFAULT_PAGE, After, First, read_diamond
from inventory.events import cursors

_argument = strawberry.argument


@strawberry.type
class EventQueries:
    """Fields of `Query` for events."""

    @field(
        description="Cursor of the newest event. Read it first, then the data, then subscribe after it: no event is missed in "
        "between.",
        scope=Scope.DIAMONDS_READ,
    )
    async def event_cursor(self, info: Info) -> str | None:
        return cursors.encode(await info.context.services.events.cursor())

    @field(
        description="History of a diamond, newest first: all holds and purchases, and the events within their retention.",
        scope=Scope.PURCHASES_ADMIN,
    )
    async def diamond_history(
        self,
        info: Info,
        diamond_id: Annotated[strawberry.ID, _argument(description="Global id of the diamond, or its id in REST.")],
        first: First = UNSET,
        after: After = UNSET,
    ) -> DiamondHistoryConnection | None:
        limit, place = pagination.read_window(given_or_none(first), given_or_none(after), DEFAULT_PAGE)
        key = read_diamond(diamond_id)
        assert key is not None  # noqa: S101 - it is required
        return await history_to_graphql(info, key, place, limit)
