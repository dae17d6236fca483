"""GraphQL type of a purchase."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info, Selection
from app.graphql.diamonds.snapshot import DiamondSnapshot
from app.graphql.diamonds.types import Diamond
from app.graphql.holds.types import diamonds_of, may_see
from app.graphql.money import Money, money
from app.graphql.permissions import field
from app.graphql.relay import Node, global_id
from inventory.catalog.visibility import shown
from inventory.trading import states
from inventory.trading.models import Purchase as Row

_value = strawberry.enum_value


@strawberry.enum(description="State of a purchase.")
class PurchaseState(Enum):
    PENDING = _value("pending", description="The supplier has not answered yet.")
    ORDERED = _value("ordered", description="The supplier accepted the order. It confirms later, usually within a day.")
    CONFIRMED = _value("confirmed", description="The supplier confirmed the order.")
    DECLINED = _value(
        "declined", description="The supplier declined the order after accepting it. Nothing is purchased."
    )
    FAILED = _value("failed", description="No order was placed. Nothing is purchased.")
    UNKNOWN = _value(
        "unknown",
        description="The order was sent and its outcome is unknown. An operator verifies it; the service does not send it again.",
    )


@strawberry.type(
    description="Evidence from the supplier about a purchase whose outcome is unknown. An operator decides."
)
class PurchaseEvidence:
    examined_at: datetime = strawberry.field(description="Time of the last read of the supplier item after the order.")
    order_item_id: str | None = strawberry.field(
        description="An order item that the supplier did not show before the order: strong evidence that the order was "
        "placed. Null proves nothing."
    )
    seen_at: datetime | None = strawberry.field(description="Time when the order item was first seen.")
    order_item_id_before: str | None = strawberry.field(
        description="Order item that the supplier showed before the order."
    )
    compared: bool = strawberry.field(
        description="Whether the supplier item was read before the order. If not, the order item may be older."
    )


@strawberry.type(description="A purchase of a diamond.")
class Purchase(Node):
    row: strawberry.Private[Row]
    database_id: UUID = strawberry.field(description="Id in REST and on the invoice of the supplier.")
    diamond_id: strawberry.ID = strawberry.field(description="Global id of the diamond.")
    diamond: Diamond | None = strawberry.field(
        description="The diamond as it is now; null if it has left the inventory."
    )
    hold_id: strawberry.ID | None = strawberry.field(description="Global id of the hold that it used; null if none.")
    client_id: str = strawberry.field(description="Client of the purchase.")
    state: PurchaseState = strawberry.field(description="State.")
    price: Money = strawberry.field(description="Charged price: the expected price of the request.")
    destination_id: str | None = strawberry.field(description="Id of the destination at the supplier.")
    reference: str | None = strawberry.field(description="Reference of the client.")
    comments: str | None = strawberry.field(description="Comment for the supplier.")
    return_option: bool | None = strawberry.field(
        description="Whether the client requested the right to return the diamond."
    )
    return_granted: bool | None = strawberry.field(
        description="Whether the diamond may be returned: false if that was not requested or the supplier does not take the "
        "diamond back; null until the supplier's confirmation, with its decision, is recorded."
    )
    idempotency_key: str = strawberry.field(description="Idempotency key of the request.")
    requested_at: datetime = strawberry.field(description="Time of the request.")
    ordered_at: datetime | None = strawberry.field(
        description="Time when the supplier accepted the order; null before."
    )
    ended_at: datetime | None = strawberry.field(
        description="Time when it was confirmed, declined or failed; null before."
    )
    supplier_order_id: str | None = strawberry.field(description="Id of the order at the supplier.")
    failure: str | None = strawberry.field(description="Reason of the failure or decline; null in other states.")
    resolved_by: str | None = strawberry.field(description="Operator who recorded the outcome, if it was unknown.")
    resolution: str | None = strawberry.field(description="Source of the recorded outcome.")
    answered_by: str | None = strawberry.field(
        description="Operator who recorded the confirmation or decline; null before."
    )
    answer: str | None = strawberry.field(description="Source of the confirmation or decline.")

    @field(
        description="The diamond as it was purchased. It never changes. Null for a purchase from before snapshots were stored "
        "whose diamond had been deleted."
    )
    def snapshot(self, info: Info) -> DiamondSnapshot | None:
        stone = self.row.stone
        sees_hidden = info.context.caller.may(Scope.CERTIFICATES_HIDDEN)
        return None if stone is None else DiamondSnapshot(row=shown(stone, sees_hidden=sees_hidden))

    @field(
        description="Price of the supplier immediately before the order; null if it was not read.",
        scope=Scope.PRICES_SUPPLIER,
    )
    def supplier_price(self) -> Money | None:
        return _money(self.row.supplier_price_cents)

    @field(
        description="Increase of the supplier price since the hold was made. The guaranteed price is charged. Null without an "
        "increase or without a hold.",
        scope=Scope.PRICES_SUPPLIER,
    )
    def supplier_price_increase(self) -> Money | None:
        return _money(self.row.price_difference_cents)

    @field(
        description="Evidence about an unknown outcome; null if none was collected.",
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
    """Convert purchases; one statement reads the diamonds of all of them.

    `selections`: selections of the purchases; by default the selection of the current field.
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
            return_granted=row.grants_return,
            idempotency_key=row.idempotency_key,
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
    """Find purchases by id that the caller may see."""
    found = await info.context.services.trading.records.purchases(keys)
    shown = await purchases_to_graphql([row for row in found.values() if may_see(row.client_id, info)], info)
    return {purchase.database_id: purchase for purchase in shown}
