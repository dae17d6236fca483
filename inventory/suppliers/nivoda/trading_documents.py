"""GraphQL documents of the trading operations, with the shape of each answer."""

from typing import Annotated, Any

import msgspec

from inventory.suppliers.nivoda.documents import AuthenticatedField, OneItemOperation, SupplierOperation


class LookedUp(msgspec.Struct, rename={"hold_id": "HoldId", "order_item_id": "OrderItemId"}):
    """`hold_id`, `order_item_id`: hold and order of this account; unset if the schema does not offer them."""

    id: str | None = None
    availability: Any = None
    hold_id: str | msgspec.UnsetType | None = msgspec.UNSET
    order_item_id: str | msgspec.UnsetType | None = msgspec.UNSET


class OneOffer(msgspec.Struct):
    """`id`: the offer's id, for an order. `price`: US cents."""

    diamond: LookedUp | None
    id: Any = None
    price: Any = None


class HoldResult(msgspec.Struct):
    """`denied`: the id is missing. `until`: raw, so that an invalid value does not make a granted hold unreadable."""

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


# The item status for trading. It is read whenever the outcome of a hold or an order is uncertain, so it is small.
ITEM_STATUS = OneItemOperation(
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

# The item is an object literal: each member is negotiated separately, and its type needs no name. Members without a value are
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
