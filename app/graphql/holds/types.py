"""GraphQL type of a hold."""

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


@strawberry.enum(description="State of a hold.")
class HoldState(Enum):
    REQUESTED = _value("requested", description="The diamond is reserved; the supplier has not answered yet.")
    ACTIVE = _value("active", description="The diamond is held for the client.")
    DENIED = _value("denied", description="The supplier denied the hold.")
    RELEASED = _value("released", description="The client released the hold.")
    EXPIRED = _value("expired", description="The hold has expired.")
    PURCHASED = _value("purchased", description="The client purchased the diamond.")


@strawberry.type(description="A hold reserves a diamond for a client for a limited time at a guaranteed price.")
class Hold(Node):
    database_id: UUID = strawberry.field(description="Id of the hold in REST.")
    diamond_id: strawberry.ID = strawberry.field(description="Global id of the diamond.")
    diamond: Diamond | None = strawberry.field(description="The diamond; null if it has left the inventory.")
    client_id: str = strawberry.field(description="Client of the hold.")
    reference: str | None = strawberry.field(
        description="Reference of the client, such as a shopper; null if the hold belongs to the client as a whole."
    )
    state: HoldState = strawberry.field(description="State.")
    price: Money = strawberry.field(description="Price guaranteed to the client.")
    requested_at: datetime = strawberry.field(description="Time of the request.")
    expires_at: datetime | None = strawberry.field(description="End of the hold; null while it is requested.")
    extendable_until: datetime | None = strawberry.field(
        description="End of the hold at the supplier; null if unknown."
    )
    ended_at: datetime | None = strawberry.field(description="Time of the end.")
    reason: str | None = strawberry.field(description="Reason of a denial; else null.")


async def holds_to_graphql(rows: Sequence[Row], info: Info, *selections: Selection) -> list[Hold]:
    """Convert holds; one statement reads the diamonds of all of them.

    `selections`: selections of the holds; by default the selection of the current field.
    """
    diamonds = await diamonds_of([row.diamond_id for row in rows], info, selections or (info.selection,))
    return [
        Hold(
            id=global_id("Hold", row.id),
            database_id=row.id,
            diamond_id=global_id("Diamond", row.diamond_id),
            diamond=diamonds.get(row.diamond_id),
            client_id=row.client_id,
            reference=row.reference,
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
    """Find holds by id that the caller may see."""
    found = await info.context.services.trading.records.holds(keys)
    shown = await holds_to_graphql([row for row in found.values() if may_see(row.client_id, info)], info)
    return {hold.database_id: hold for hold in shown}


def may_see(client_id: str, info: Info) -> bool:
    """Whether the caller may see data of a client: its own data, or any with `purchases:admin`."""
    caller = info.context.caller
    return caller.client_id == client_id or caller.may(Scope.PURCHASES_ADMIN)


async def diamonds_of(keys: Collection[UUID], info: Info, selections: Collection[Selection]) -> Mapping[UUID, Diamond]:
    """Read the diamonds of holds or purchases with the selected columns, if they are selected."""
    asked = [selection.below("diamond") for selection in selections if "diamond" in selection]
    if not asked or not keys:
        return {}
    found = await info.context.search.find(set(keys), columns_of(*asked))
    return {key: Diamond(row=row) for key, row in found.items()}
