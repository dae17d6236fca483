"""GraphQL types of the caller and its limits."""

import strawberry

from app.auth.scopes import MEANINGS, Principal
from app.graphql import limits
from app.graphql.nodes import MAX_NODES
from app.graphql.pagination import LARGEST_PAGE
from inventory.core.settings import Settings


@strawberry.type(description="A scope of the key.")
class GrantedScope:
    name: str = strawberry.field(description="Name, such as `diamonds:read`.")
    meaning: str | None = strawberry.field(description="What the scope allows; null if this version does not know it.")


@strawberry.type(description="Limits of requests.")
class Limits:
    page_size: int = strawberry.field(description="Largest `first` or `last`.")
    node_ids: int = strawberry.field(description="Most ids of `nodes`.")
    document_characters: int = strawberry.field(description="Longest document in characters.")
    tokens: int = strawberry.field(description="Most tokens of a document.")
    depth: int = strawberry.field(description="Deepest nesting of fields.")
    aliases: int = strawberry.field(description="Most aliases.")
    directives: int = strawberry.field(description="Most directives.")
    repetitions: int = strawberry.field(description="Most fields with one name in one selection.")
    operation_cost: int = strawberry.field(description="Highest cost of an operation.")
    budget: int = strawberry.field(description="Cost budget of the key; `extensions.cost` reports the available part.")
    restore_rate: int = strawberry.field(description="Restored cost budget per second.")
    body_bytes: int = strawberry.field(description="Largest request body in bytes.")
    timeout_seconds: float = strawberry.field(description="Longest execution time in seconds.")


@strawberry.type(description="The caller: the client that owns the key of the request.")
class Caller:
    client_id: str = strawberry.field(description="Id of the client.")
    key_id: str = strawberry.field(description="Public id of the key.")
    scopes: list[GrantedScope] = strawberry.field(description="Scopes of the key in alphabetical order.")
    limits: Limits = strawberry.field(description="Limits of requests.")


def caller_to_graphql(principal: Principal, settings: Settings) -> Caller:
    """Convert a principal."""
    meanings = {str(scope): meaning for scope, meaning in MEANINGS.items()}
    return Caller(
        client_id=principal.client_id,
        key_id=principal.key_id,
        scopes=[GrantedScope(name=name, meaning=meanings.get(name)) for name in sorted(principal.scopes)],
        limits=Limits(
            page_size=LARGEST_PAGE,
            node_ids=MAX_NODES,
            document_characters=limits.MAX_DOCUMENT_LENGTH,
            tokens=limits.MAX_TOKENS,
            depth=limits.DEEPEST,
            aliases=limits.MAX_ALIASES,
            directives=limits.MAX_DIRECTIVES,
            repetitions=limits.MAX_REPETITIONS,
            operation_cost=settings.graphql.max_cost,
            budget=settings.graphql.budget,
            restore_rate=settings.graphql.restore_rate,
            body_bytes=settings.api.max_body_bytes,
            timeout_seconds=settings.graphql.timeout_seconds,
        ),
    )
