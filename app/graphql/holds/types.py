"""Holds as the schema shows them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info, Selection
from app.graphql.diamonds.types import Diamond, columns_of
from app.graphql.money import Money, money
from app.graphql.relay import Node, global_id
from inventory.trading.models import Hold as Row

_value = strawberry.enum_value


@strawberry.enum(description="How far a hold is.")
class HoldState(Enum):
    REQUESTED = _value("requested", description="The diamond is reserved, and the supplier is being asked.")
    ACTIVE = _value("active", description="It keeps the diamond from others.")
    DENIED = _value("denied", description="The supplier denied it.")
    RELEASED = _value("released", description="Its client ended it.")
    EXPIRED = _value("expired", description="Its time is over.")
    PURCHASED = _value("purchased", description="The diamond was bought under it.")


@strawberry.type(
    description="A hold: a client keeps a diamond from others for a while, at the price that it was shown."
)
class Hold(Node):
    database_id: UUID = strawberry.field(description="The id by which REST knows the same hold.")
    diamond_id: strawberry.ID = strawberry.field(description="The diamond's global id.")
    diamond: Diamond | None = strawberry.field(description="The diamond; null when it is no longer in the inventory.")
    client_id: str = strawberry.field(description="Whose hold it is.")
    state: HoldState = strawberry.field(description="How far it is.")
    price: Money = strawberry.field(
        description="The price that it guarantees to its client, whatever becomes of prices."
    )
    requested_at: datetime = strawberry.field(description="When it was asked for.")
    expires_at: datetime | None = strawberry.field(
        description="When it ends or ended; null while it is being asked for."
    )
    extendable_until: datetime | None = strawberry.field(
        description="When the supplier's own hold ends; null where that is not known."
    )
    ended_at: datetime | None = strawberry.field(description="When it was over, in whatever way.")
    reason: str | None = strawberry.field(description="Why it was denied; null for others.")


async def holds_to_graphql(rows: Sequence[Row], info: Info, *selections: Selection) -> list[Hold]:
    """Holds as the schema shows them; of all of them together the diamonds are one statement.

    `selections`: what was asked for of them; what the field itself has, if not given.
    """
    diamonds = await diamonds_of([row.diamond_id for row in rows], info, selections or (info.selection,))
    return [
        Hold(
            id=global_id("Hold", row.id),
            database_id=row.id,
            diamond_id=global_id("Diamond", row.diamond_id),
            diamond=diamonds.get(row.diamond_id),
            client_id=row.client_id,
            state=HoldState(row.state.value),
            price=money(row.price_cents),
            requested_at=row.requested_at,
            expires_at=row.expires_at,
            extendable_until=row.supplier_until,
            ended_at=row.ended_at,
            reason=row.reason,
        )
        for row in rows
    ]


async def find_holds(keys: Collection[UUID], info: Info) -> Mapping[UUID, Hold]:
    """The holds with these ids that the caller may see."""
    found = await info.context.services.trading.records.holds(keys)
    shown = await holds_to_graphql([row for row in found.values() if may_see(row.client_id, info)], info)
    return {hold.database_id: hold for hold in shown}


def may_see(client_id: str, info: Info) -> bool:
    """Whether the caller may see what is this client's: its own, and with `purchases:admin` everyone's."""
    caller = info.context.caller
    return caller.client_id == client_id or caller.may(Scope.PURCHASES_ADMIN)


async def diamonds_of(keys: Collection[UUID], info: Info, selections: Collection[Selection]) -> Mapping[UUID, Diamond]:
    """The diamonds of holds or purchases, if they were asked for, with the columns that were."""
    asked = [selection.below("diamond") for selection in selections if "diamond" in selection]
    if not asked or not keys:
        return {}
    found = await info.context.search.find(set(keys), columns_of(*asked))
    return {key: Diamond(row=row) for key, row in found.items()}
