"""Object lookup by global id: types, scopes and batch size."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import msgspec
import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.diamonds.types import find_diamonds
from app.graphql.holds.types import find_holds
from app.graphql.permissions import field
from app.graphql.pricing.types import find_rules
from app.graphql.purchases.types import find_purchases
from app.graphql.relay import Node, read_global_id
from app.graphql.sync.types import find_runs
from inventory.core.errors import NotFound, ValidationFailed

MAX_NODES = 100

_argument = strawberry.argument


class NodeKind(msgspec.Struct, frozen=True):
    """A type with global ids: its scope, and the function that reads several objects."""

    scope: Scope
    find: Callable[[Collection[UUID], Info], Awaitable[Mapping[UUID, Node]]]


KINDS: Mapping[str, NodeKind] = {
    "Diamond": NodeKind(Scope.DIAMONDS_READ, find_diamonds),
    "Hold": NodeKind(Scope.HOLDS_WRITE, find_holds),
    "PricingRule": NodeKind(Scope.PRICING_WRITE, find_rules),
    "Purchase": NodeKind(Scope.PURCHASES_WRITE, find_purchases),
    "SyncRun": NodeKind(Scope.SYNC_READ, find_runs),
}


async def find_nodes(ids: Sequence[str], info: Info) -> list[Node | None]:
    """Find the object of each id, None if it does not exist; one statement per type.

    Raises:
        ValidationFailed: there are too many ids.
        Forbidden: the caller lacks the scope of a type.
    """
    if len(ids) > MAX_NODES:
        raise ValidationFailed({"ids": f"should contain at most {MAX_NODES} ids"})
    read = [_read(text, info) for text in ids]
    found: dict[tuple[str, UUID], Node] = {}
    for name in KINDS:
        keys = {key for candidates in read for kind, key in candidates if kind == name}
        if keys:
            info.context.require(KINDS[name].scope)
            found |= {(name, key): node for key, node in (await KINDS[name].find(keys, info)).items()}
    return [next((found[one] for one in candidates if one in found), None) for candidates in read]


def _read(text: str, info: Info) -> Sequence[tuple[str, UUID]]:
    """The types that an object with this id may have, each with its key. An id of REST does not name its type."""
    try:
        key = UUID(text)
    except ValueError:
        pass
    else:
        return [(name, key) for name, kind in KINDS.items() if info.context.caller.may(kind.scope)]
    try:
        name, key = read_global_id(text)
    except NotFound:
        return ()
    return ((name, key),) if name in KINDS else ()


@strawberry.type
class NodeQueries:
    """Fields of `Query` for objects with a global id."""

    @field(description="An object by its id; null if it does not exist. Needs the scope of its type.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _argument(description="Global id, or id in REST.")],  # noqa: A002 - as Relay has it
    ) -> Node | None:
        (found,) = await find_nodes([id], info)
        return found

    @field(
        description="Objects by their ids, in the same order; null for each that does not exist. Needs the scopes of "
        "their types."
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], _argument(description=f"Global ids or ids in REST, at most {MAX_NODES}.")],
    ) -> list[Node | None] | None:
        return await find_nodes(ids, info)
