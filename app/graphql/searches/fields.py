"""Query and mutations of saved searches."""

from typing import Annotated

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from app.auth.scopes import Scope
from app.graphql import pagination
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.diamonds.filter_reader import FilterReader
from app.graphql.diamonds.inputs import DiamondFilter
from app.graphql.permissions import field
from app.graphql.relay import global_id, read_id
from app.graphql.searches.filter_json import filter_to_json
from app.graphql.searches.types import (
    SavedSearch,
    SavedSearchConnection,
    SavedSearchDeletePayload,
    SavedSearchDeleteUserError,
    SavedSearchEdge,
    SavedSearchSetPayload,
    SavedSearchSetUserError,
)
from app.graphql.trading_arguments import DEFAULT_PAGE, After, First, ReferenceFilter, read_reference
from app.graphql.user_errors import attempt, typed_errors
from inventory.core.errors import ValidationFailed
from inventory.searches.saved_searches import MAX_PER_REFERENCE
from inventory.searches.saved_searches import SavedSearch as Row

_argument = strawberry.argument
_REFERENCE = "Reference of the client, such as a shopper. Searches of different references are separate; if omitted, of the client as a whole."
_NO_SEARCH = "There is no saved search with this id."


@strawberry.input(description="A search to save.")
class SavedSearchSetInput:
    name: str = strawberry.field(description="Name. A search with this name is replaced.")
    filter: DiamondFilter = strawberry.field(description="Search criteria, as for `diamonds`.")
    reference: str | None = strawberry.field(default=UNSET, description=_REFERENCE)


@strawberry.input(description="A saved search to delete.")
class SavedSearchDeleteInput:
    id: strawberry.ID = strawberry.field(description="Id of the search.")
    reference: str | None = strawberry.field(
        default=UNSET, description="Only if the search is of this reference. If omitted: of the client as a whole."
    )


@strawberry.type
class SavedSearchQueries:
    """Fields of `Query` for saved searches."""

    @field(description="Saved searches of the caller, the last saved first.", scope=Scope.SEARCHES_WRITE)
    async def saved_searches(
        self, info: Info, reference: ReferenceFilter = UNSET, first: First = UNSET, after: After = UNSET
    ) -> SavedSearchConnection | None:
        limit, position = pagination.read_window(given_or_none(first), given_or_none(after), DEFAULT_PAGE)
        rows, more = await info.context.services.saved_searches.page(
            info.context.caller.client_id, reference=read_reference(reference), after=position, limit=limit
        )
        cursors = [pagination.encode(row.saved_at, row.id) for row in rows]
        nodes = [_to_graphql(row) for row in rows]
        return SavedSearchConnection(
            edges=[SavedSearchEdge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)],
            nodes=nodes,
            page_info=pagination.page_info(cursors, more=more, after=position),
        )


@strawberry.type
class SavedSearchMutations:
    """Fields of `Mutation` for saved searches."""

    @field(
        description=f"Saves a search under a name, at most {MAX_PER_REFERENCE} for each reference. Repeated, it changes nothing "
        "but the time.",
        scope=Scope.SEARCHES_WRITE,
    )
    async def saved_search_set(
        self,
        info: Info,
        input: Annotated[SavedSearchSetInput, _argument(description="The search.")],  # noqa: A002 - GraphQL convention
    ) -> SavedSearchSetPayload | None:
        async def save() -> SavedSearch:
            problems: dict[str, str] = {}
            criteria = FilterReader(input.filter, problems).read()
            if problems:
                raise ValidationFailed(problems)
            if criteria.tells_supplier_prices:
                info.context.require(Scope.PRICES_SUPPLIER)
            row = await info.context.services.saved_searches.save(
                info.context.caller.client_id,
                input.name,
                filter_to_json(input.filter),
                reference=read_reference(input.reference),
            )
            return _to_graphql(row)

        saved, problems = await attempt(save())
        return SavedSearchSetPayload(saved_search=saved, user_errors=typed_errors(SavedSearchSetUserError, problems))

    @field(description="Deletes a saved search of the caller.", scope=Scope.SEARCHES_WRITE)
    async def saved_search_delete(
        self,
        info: Info,
        input: Annotated[SavedSearchDeleteInput, _argument(description="The search.")],  # noqa: A002 - GraphQL convention
    ) -> SavedSearchDeletePayload | None:
        async def delete() -> strawberry.ID:
            key = read_id(input.id, "SavedSearch", _NO_SEARCH)
            await info.context.services.saved_searches.delete(
                key, info.context.caller.client_id, reference=read_reference(input.reference)
            )
            return global_id("SavedSearch", key)

        deleted, problems = await attempt(delete(), subject=("input", "id"))
        return SavedSearchDeletePayload(
            deleted_id=deleted, user_errors=typed_errors(SavedSearchDeleteUserError, problems)
        )


def _to_graphql(row: Row) -> SavedSearch:
    return SavedSearch(
        id=global_id("SavedSearch", row.id),
        name=row.name,
        reference=row.reference,
        filter=JSON(dict(row.filter)),
        saved_at=row.saved_at,
    )
