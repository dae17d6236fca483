"""Queries for the caller's identity, scopes and limits, and for API keys."""

import strawberry

from app.graphql.clients.api_keys import ApiKeyQueries
from app.graphql.clients.types import Caller, caller_to_graphql
from app.graphql.context import Info
from app.graphql.permissions import field


@strawberry.type
class ClientQueries(ApiKeyQueries):
    """Fields of `Query` for the caller."""

    @field(description="The caller: client, scopes and limits.")
    def me(self, info: Info) -> Caller:
        return caller_to_graphql(info.context.caller, info.context.services.settings)
