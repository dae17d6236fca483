"""GraphQL documents of the trading operations, with the shape of each answer."""

from typing import Annotated, Any

import msgspec

from inventory.suppliers.nivoda.documents import AuthenticatedField, OneItemOperation, SupplierOperation


class LookedUp(msgspec.Struct, rename={"hold_id": "HoldId", "order_item_id": "OrderItemId"}):
    """`hold_id`, `order_item_id`: of a hold and an order of this account; unset where the schema does not offer them."""

    id: str | None = None
    availability: Any = None
    hold_id: str | msgspec.UnsetType | None = msgspec.UNSET
    order_item_id: str | msgspec.UnsetType | None = msgspec.UNSET


class OneOffer(msgspec.Struct):
    """`id`: of the offer, which an order names. `price`: US cents."""

    diamond: LookedUp | None
    id: Any = None
    price: Any = None


class HoldResult(msgspec.Struct):
    """`denied`: then there is no id. `until`: raw, so that no value of it makes a granted hold unreadable."""

    id: str | None = None
    denied: bool | None = None
    until: msgspec.Raw = msgspec.Raw(b"null")


class HoldCreated(msgspec.Struct):
    create_hold: HoldResult


class CancelledHold(msgspec.Struct):
    id: str | None = None


class HoldCancelled(msgspec.Struct):
    cancel_hold: CancelledHold


class OrderCreated(msgspec.Struct):
    create_order: Annotated[str, msgspec.Meta(min_length=1)]


# What a trade has to know of a stone. Read whenever a hold or an order is in doubt, so it is small.
LOOK = OneItemOperation(
    "get_diamond_by_id",
    "id price diamond { id availability HoldId OrderItemId }",
    required=["diamond.availability"],
)

CREATE_HOLD = SupplierOperation(
    "create_hold",
    """
    mutation Hold($token: String!, $stone: ID!) {
      as(token: $token) { create_hold(ProductId: $stone, ProductType: Diamond) { id denied until } }
    }
    """,
    AuthenticatedField[HoldCreated],
    required=["create_hold.id"],
)

CANCEL_HOLD = SupplierOperation(
    "cancel_hold",
    """
    mutation Cancel($token: String!, $hold: ID!) {
      as(token: $token) { cancel_hold(hold_id: $hold) { id } }
    }
    """,
    AuthenticatedField[HoldCancelled],
)

# The item is written out: each of its members is negotiated by itself, and its type needs no name. What is not given is
# not sent.
CREATE_ORDER = SupplierOperation(
    "create_order",
    """
    mutation Order(
      $token: String!, $offer: ID!, $comment: String, $number: String, $return_option: Boolean, $destination: ID
    ) {
      as(token: $token) {
        create_order(items: [{
          offerId: $offer, customer_comment: $comment, customer_order_number: $number, return_option: $return_option,
          destinationId: $destination
        }])
      }
    }
    """,
    AuthenticatedField[OrderCreated],
)
