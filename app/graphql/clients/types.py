"""Who is asking, and within which limits."""

import strawberry

from app.auth.scopes import MEANINGS, Principal
from app.graphql import limits
from app.graphql.nodes import MOST_NODES
from app.graphql.pagination import LARGEST_PAGE
from inventory.core.settings import Settings


@strawberry.type(description="Something that a key allows.")
class GrantedScope:
    name: str = strawberry.field(description="The scope, such as `diamonds:read`.")
    meaning: str | None = strawberry.field(description="What it allows; null for one that this version does not know.")


@strawberry.type(description="The limits of a document and its arguments.")
class Limits:
    page_size: int = strawberry.field(description="The most that `first` or `last` may ask for.")
    node_ids: int = strawberry.field(description="The most ids that `nodes` takes.")
    document_characters: int = strawberry.field(description="The longest document, in characters.")
    tokens: int = strawberry.field(description="The most tokens of a document.")
    depth: int = strawberry.field(description="The most levels of fields.")
    aliases: int = strawberry.field(description="The most aliases.")
    directives: int = strawberry.field(description="The most directives.")
    repetitions: int = strawberry.field(description="The most fields of one name in one place.")
    operation_cost: int = strawberry.field(description="The most that one operation may cost.")
    budget: int = strawberry.field(
        description="The most that the key may spend at once; `extensions.cost` says how much."
    )
    restore_rate: int = strawberry.field(description="What the key gets back each second of what it has spent.")
    body_bytes: int = strawberry.field(description="The largest body of a request, in bytes.")
    timeout_seconds: float = strawberry.field(description="The longest time that an operation may take.")


@strawberry.type(description="The caller: the owner of the key that came with the request.")
class Caller:
    client_id: str = strawberry.field(description="The client that the key belongs to.")
    key_id: str = strawberry.field(description="The key's public id.")
    scopes: list[GrantedScope] = strawberry.field(description="What the key allows, in alphabetical order.")
    limits: Limits = strawberry.field(description="What a request may hold at most.")


def caller_to_graphql(principal: Principal, settings: Settings) -> Caller:
    """A principal as the schema shows it."""
    meanings = {str(scope): meaning for scope, meaning in MEANINGS.items()}
    return Caller(
        client_id=principal.client_id,
        key_id=principal.key_id,
        scopes=[GrantedScope(name=name, meaning=meanings.get(name)) for name in sorted(principal.scopes)],
        limits=Limits(
            page_size=LARGEST_PAGE,
            node_ids=MOST_NODES,
            document_characters=limits.LONGEST_DOCUMENT,
            tokens=limits.MOST_TOKENS,
            depth=limits.DEEPEST,
            aliases=limits.MOST_ALIASES,
            directives=limits.MOST_DIRECTIVES,
            repetitions=limits.MOST_REPETITIONS,
            operation_cost=settings.graphql_max_cost,
            budget=settings.graphql_budget,
            restore_rate=settings.graphql_restore_rate,
            body_bytes=settings.max_body_bytes,
            timeout_seconds=settings.graphql_timeout_seconds,
        ),
    )
