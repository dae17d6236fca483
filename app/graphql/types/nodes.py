"""Anything by its global id: which types have one, who may read them, and how many are read at once."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from uuid import UUID

import msgspec

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.relay import Node, read_global_id
from app.graphql.types.diamond import Diamond, columns_of
from app.graphql.types.holds import find_holds
from app.graphql.types.pricing import find_rules
from app.graphql.types.purchases import find_purchases
from app.graphql.types.runs import find_runs
from inventory.core.errors import NotFound, ValidationFailed

MOST_NODES = 100


class Kind(msgspec.Struct, frozen=True):
    """A type with global ids: the scope that reading it needs, and how to read several at once."""

    scope: Scope
    find: Callable[[Collection[UUID], Info], Awaitable[Mapping[UUID, Node]]]


async def find_diamonds(keys: Collection[UUID], info: Info) -> Mapping[UUID, Diamond]:
    """The diamonds with these ids that are in the inventory, with the columns that were asked for."""
    found = await info.context.search.find(keys, columns_of(info.selection))
    return {key: Diamond(row=row) for key, row in found.items()}


KINDS: Mapping[str, Kind] = {
    "Diamond": Kind(Scope.DIAMONDS_READ, find_diamonds),
    "Hold": Kind(Scope.HOLDS_WRITE, find_holds),
    "PricingRule": Kind(Scope.PRICING_WRITE, find_rules),
    "Purchase": Kind(Scope.PURCHASES_WRITE, find_purchases),
    "SyncRun": Kind(Scope.SYNC_READ, find_runs),
}


async def find_nodes(ids: Sequence[str], info: Info) -> list[Node | None]:
    """What stands under each id, None for nothing; one statement for each type among them.

    Raises:
        ValidationFailed: too many ids.
        Forbidden: the caller may not read a type among them.
    """
    if len(ids) > MOST_NODES:
        raise ValidationFailed({"ids": f"should hold at most {MOST_NODES} ids"})
    read = [_read(text) for text in ids]
    found: dict[tuple[str, UUID], Node] = {}
    for name in {known[0] for known in read if known}:
        kind = KINDS[name]
        info.context.require(kind.scope)
        keys = {known[1] for known in read if known and known[0] == name}
        found |= {(name, key): node for key, node in (await kind.find(keys, info)).items()}
    return [found.get(known) if known else None for known in read]


def _read(text: str) -> tuple[str, UUID] | None:
    try:
        name, key = read_global_id(text)
    except NotFound:
        return None
    return (name, key) if name in KINDS else None
