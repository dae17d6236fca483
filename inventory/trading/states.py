"""State machines of holds and purchases: the states and the allowed transitions. Pure."""

from collections.abc import Mapping
from enum import StrEnum


class HoldState(StrEnum):
    """State of a hold."""

    REQUESTED = "requested"  # the diamond is reserved; the supplier was called, or soon will be
    ACTIVE = "active"
    DENIED = "denied"
    RELEASED = "released"
    EXPIRED = "expired"
    PURCHASED = "purchased"


class PurchaseState(StrEnum):
    """State of a purchase. The supplier accepts an order at once, and confirms or declines it in a later message."""

    PENDING = "pending"  # the order was sent, or soon will be
    ORDERED = "ordered"  # the supplier has accepted the order
    CONFIRMED = "confirmed"  # the supplier's later message confirms it
    DECLINED = "declined"  # the supplier's later message declines it
    FAILED = "failed"  # no order was placed
    UNKNOWN = "unknown"  # the order was sent, and its outcome is not known


HOLD_TRANSITIONS: Mapping[HoldState, frozenset[HoldState]] = {
    HoldState.REQUESTED: frozenset({HoldState.ACTIVE, HoldState.DENIED}),
    HoldState.ACTIVE: frozenset({HoldState.RELEASED, HoldState.EXPIRED, HoldState.PURCHASED}),
    HoldState.DENIED: frozenset(),
    HoldState.RELEASED: frozenset(),
    HoldState.EXPIRED: frozenset(),
    HoldState.PURCHASED: frozenset(),
}
PURCHASE_TRANSITIONS: Mapping[PurchaseState, frozenset[PurchaseState]] = {
    PurchaseState.PENDING: frozenset({PurchaseState.ORDERED, PurchaseState.FAILED, PurchaseState.UNKNOWN}),
    PurchaseState.UNKNOWN: frozenset({PurchaseState.ORDERED, PurchaseState.FAILED}),
    PurchaseState.ORDERED: frozenset({PurchaseState.CONFIRMED, PurchaseState.DECLINED}),
    # The supplier can decline an order after its confirmation, for example after an inspection of the diamond.
    PurchaseState.CONFIRMED: frozenset({PurchaseState.DECLINED}),
    PurchaseState.DECLINED: frozenset(),
    PurchaseState.FAILED: frozenset(),
}

OPEN_HOLDS = frozenset({HoldState.REQUESTED, HoldState.ACTIVE})
# The outcome of the order is open.
OPEN_PURCHASES = frozenset({PurchaseState.PENDING, PurchaseState.UNKNOWN})
# The supplier has accepted the order and not declined it.
BOUGHT = frozenset({PurchaseState.ORDERED, PurchaseState.CONFIRMED})

# The `status` of the REST contract, whose values do not distinguish acceptance and confirmation.
REST_STATUS: Mapping[PurchaseState, str] = {
    PurchaseState.PENDING: "pending",
    PurchaseState.ORDERED: "confirmed",
    PurchaseState.CONFIRMED: "confirmed",
    PurchaseState.DECLINED: "failed",
    PurchaseState.FAILED: "failed",
    PurchaseState.UNKNOWN: "unknown",
}


def holds_before(state: HoldState) -> list[str]:
    """States from which a hold may enter `state`, as an argument of a statement."""
    return sorted(before for before, after in HOLD_TRANSITIONS.items() if state in after)


def purchases_before(state: PurchaseState) -> list[str]:
    """States from which a purchase may enter `state`, as an argument of a statement."""
    return sorted(before for before, after in PURCHASE_TRANSITIONS.items() if state in after)
