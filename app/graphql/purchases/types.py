"""Purchases as the schema shows them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info, Selection
from app.graphql.diamonds.types import Diamond
from app.graphql.holds.types import diamonds_of, may_see
from app.graphql.money import Money, money
from app.graphql.permissions import field
from app.graphql.relay import Node, global_id
from inventory.trading import states
from inventory.trading.models import Purchase as Row

_value = strawberry.enum_value


@strawberry.enum(description="State of a purchase.")
class PurchaseState(Enum):
    PENDING = _value("pending", description="The supplier is being asked.")
    ORDERED = _value(
        "ordered", description="The supplier accepted the order. Its confirmation comes later, usually within a day."
    )
    CONFIRMED = _value("confirmed", description="The supplier confirmed the order.")
    DECLINED = _value(
        "declined", description="The supplier declined the order after it had accepted it. The diamond is not bought."
    )
    FAILED = _value("failed", description="No order was placed. Nothing is bought.")
    UNKNOWN = _value(
        "unknown",
        description="The order was sent, and its outcome is not known. An operator finds out; nothing is sent again.",
    )


@strawberry.type(
    description="What the supplier showed about a purchase of unknown outcome. It decides nothing: an operator does."
)
class PurchaseEvidence:
    examined_at: datetime = strawberry.field(description="When the supplier's item was last read after the order.")
    order_item_id: str | None = strawberry.field(
        description="An order item of the supplier's that was not there before the order: strong evidence that the order "
        "was placed. Null proves nothing."
    )
    seen_at: datetime | None = strawberry.field(description="When the order item was first seen.")
    order_item_id_before: str | None = strawberry.field(description="The order item that the supplier showed before.")
    compared: bool = strawberry.field(
        description="Whether the supplier's item was read before the order. If not, an order item may be an older one."
    )


@strawberry.type(description="A purchase of a diamond.")
class Purchase(Node):
    row: strawberry.Private[Row]
    database_id: UUID = strawberry.field(description="The id by which REST and the supplier's invoice know it.")
    diamond_id: strawberry.ID = strawberry.field(description="The diamond's global id.")
    diamond: Diamond | None = strawberry.field(description="The diamond; null when it is no longer in the inventory.")
    hold_id: strawberry.ID | None = strawberry.field(
        description="The global id of the hold under which it was made; null without one."
    )
    client_id: str = strawberry.field(description="Who buys.")
    state: PurchaseState = strawberry.field(description="Its state.")
    price: Money = strawberry.field(description="What is charged: the price that was expected.")
    destination_id: str | None = strawberry.field(description="Where it goes, by the supplier's id.")
    reference: str | None = strawberry.field(description="The client's own reference.")
    comments: str | None = strawberry.field(description="The comment for the supplier.")
    return_option: bool | None = strawberry.field(description="Whether the client asked for the right to return it.")
    requested_at: datetime = strawberry.field(description="When it was asked for.")
    ordered_at: datetime | None = strawberry.field(description="When the supplier accepted the order; null before.")
    ended_at: datetime | None = strawberry.field(
        description="When it was confirmed, declined or failed; null while it waits for that."
    )
    supplier_order_id: str | None = strawberry.field(description="The order at the supplier.")
    failure: str | None = strawberry.field(
        description="Why it failed or was declined, in words; null in every other state."
    )
    resolved_by: str | None = strawberry.field(description="Who settled it, if its outcome was unknown.")
    resolution: str | None = strawberry.field(description="How the outcome was found out.")
    answered_by: str | None = strawberry.field(
        description="Who recorded the supplier's confirmation or decline; null before."
    )
    answer: str | None = strawberry.field(description="The supplier's confirmation or decline, as it was recorded.")

    @field(
        description="The supplier's price immediately before the order; null where it was not read.",
        scope=Scope.PRICES_SUPPLIER,
    )
    def supplier_price(self) -> Money | None:
        return _money(self.row.supplier_price_cents)

    @field(
        description="How much more the supplier asked than when the hold was made. The guaranteed price is charged; null "
        "where the supplier asked no more, and without a hold.",
        scope=Scope.PRICES_SUPPLIER,
    )
    def supplier_price_increase(self) -> Money | None:
        return _money(self.row.price_difference_cents)

    @field(
        description="Evidence of an order of unknown outcome; null where none was looked for.",
        scope=Scope.PURCHASES_ADMIN,
    )
    def evidence(self) -> PurchaseEvidence | None:
        row = self.row
        if row.examined_at is None:
            return None
        return PurchaseEvidence(
            examined_at=row.examined_at,
            order_item_id=row.order_item_seen,
            seen_at=row.order_item_seen_at,
            order_item_id_before=row.order_item_before,
            compared=row.checked_at is not None,
        )


async def purchases_to_graphql(rows: Sequence[Row], info: Info, *selections: Selection) -> list[Purchase]:
    """Purchases as the schema shows them; of all of them together the diamonds are one statement.

    `selections`: what was asked for of them; what the field itself has, if not given.
    """
    diamonds = await diamonds_of([row.diamond_id for row in rows], info, selections or (info.selection,))
    return [
        Purchase(
            row=row,
            id=global_id("Purchase", row.id),
            database_id=row.id,
            diamond_id=global_id("Diamond", row.diamond_id),
            diamond=diamonds.get(row.diamond_id),
            hold_id=global_id("Hold", row.hold_id) if row.hold_id else None,
            client_id=row.client_id,
            state=PurchaseState(row.state.value),
            price=money(row.price_cents),
            destination_id=row.destination_id,
            reference=row.reference,
            comments=row.comments,
            return_option=row.return_option,
            requested_at=row.requested_at,
            ordered_at=row.ordered_at,
            ended_at=row.ended_at,
            supplier_order_id=row.supplier_order_id,
            failure=row.answer_reason if row.state is states.PurchaseState.DECLINED else row.failure,
            resolved_by=row.resolved_by,
            resolution=row.resolution,
            answered_by=row.answered_by,
            answer=row.answer_reason,
        )
        for row in rows
    ]


def _money(cents: int | None) -> Money | None:
    return None if cents is None else money(cents)


async def find_purchases(keys: Collection[UUID], info: Info) -> Mapping[UUID, Purchase]:
    """The purchases with these ids that the caller may see."""
    found = await info.context.services.trading.records.purchases(keys)
    shown = await purchases_to_graphql([row for row in found.values() if may_see(row.client_id, info)], info)
    return {purchase.database_id: purchase for purchase in shown}
