"""GraphQL documents of the trading operations, with the shape of each answer."""

from typing import Annotated

import msgspec

from app.suppliers.nivoda.documents import As, Operation


class LookedUp(msgspec.Struct, rename={"hold_id": "HoldId"}):
    """`hold_id`: of a hold of this account; others' are not shown."""

    availability: str | None = None
    hold_id: str | None = None


class OneOffer(msgspec.Struct):
    diamond: LookedUp | None


class OneFound(msgspec.Struct):
    get_diamond_by_id: OneOffer | None


class Hold(msgspec.Struct):
    """`denied`: then there is no id. `until`: raw, so that no value of it makes a granted hold unreadable."""

    id: str | None = None
    denied: bool | None = None
    until: msgspec.Raw = msgspec.Raw(b"null")


class HoldCreated(msgspec.Struct):
    create_hold: Hold


class CancelledHold(msgspec.Struct):
    id: str | None = None


class HoldCancelled(msgspec.Struct):
    cancel_hold: CancelledHold


class OrderCreated(msgspec.Struct):
    create_order: Annotated[str, msgspec.Meta(min_length=1)]


LOOK = Operation(
    "get_diamond_by_id",
    """
    query Look($token: String!, $stone: ID!) {
      as(token: $token) { get_diamond_by_id(diamond_id: $stone) { diamond { id availability HoldId } } }
    }
    """,
    As[OneFound],
)

CREATE_HOLD = Operation(
    "create_hold",
    """
    mutation Hold($token: String!, $stone: ID!) {
      as(token: $token) { create_hold(ProductId: $stone, ProductType: Diamond) { id denied until } }
    }
    """,
    As[HoldCreated],
)

CANCEL_HOLD = Operation(
    "cancel_hold",
    """
    mutation Cancel($token: String!, $hold: ID!) {
      as(token: $token) { cancel_hold(hold_id: $hold) { id } }
    }
    """,
    As[HoldCancelled],
)

# Item by item: what the supplier calls the type of an item is documented nowhere. What is not given is not sent.
CREATE_ORDER = Operation(
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
    As[OrderCreated],
)
