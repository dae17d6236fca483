"""Types of saved searches."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from app.graphql.relay import PageInfo
from app.graphql.user_errors import UserError, error_type, errors_field


@strawberry.type(description="A search that a client saved under a name.")
class SavedSearch:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    name: str = strawberry.field(description="Name.")
    reference: str | None = strawberry.field(
        description="Reference of the client, such as a shopper; null for the client as a whole."
    )
    filter: JSON = strawberry.field(
        description="The `DiamondFilter`, to pass unchanged to `diamonds(filter:)` and `diamondsChanged(filter:)`."
    )
    saved_at: datetime = strawberry.field(description="When it was saved last.")


@strawberry.type(description="A saved search in a connection.")
class SavedSearchEdge:
    cursor: str = strawberry.field(description="Cursor of the search, for `after`.")
    node: SavedSearch = strawberry.field(description="The search.")


@strawberry.type(description="Page of saved searches, the last saved first.")
class SavedSearchConnection:
    edges: list[SavedSearchEdge] = strawberry.field(description="Searches of this page with their cursors.")
    nodes: list[SavedSearch] = strawberry.field(description="Searches of this page.")
    page_info: PageInfo = strawberry.field(description="Position of this page.")


SavedSearchSetUserError = error_type("SavedSearchSet")
SavedSearchDeleteUserError = error_type("SavedSearchDelete")


@strawberry.type(description="Result of `savedSearchSet`.")
class SavedSearchSetPayload:
    saved_search: SavedSearch | None = strawberry.field(description="The search; null if it was rejected.")
    user_errors: list[UserError] = errors_field(SavedSearchSetUserError)


@strawberry.type(description="Result of `savedSearchDelete`.")
class SavedSearchDeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(description="Id of the search; null if none was deleted.")
    user_errors: list[UserError] = errors_field(SavedSearchDeleteUserError)
