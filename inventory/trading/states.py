"""States of holds and purchases, and the transitions between them: the one place that defines both. Pure."""

from collections.abc import Mapping
from enum import StrEnum


class HoldState(StrEnum):
    """State of a hold."""

    REQUESTED = "requested"  # the stone is reserved; the supplier has been asked, or soon will be
    ACTIVE = "active"
    DENIED = "denied"
    RELEASED = "released"
    EXPIRED = "expired"
    PURCHASED = "purchased"


class PurchaseState(StrEnum):
    """State of a purchase. The supplier accepts an order at once, and confirms or declines it in a later message."""

    PENDING = "pending"  # the supplier has been asked, or soon will be
    ORDERED = "ordered"  # the supplier has accepted the order
    CONFIRMED = "confirmed"  # the supplier's later message confirms it
    DECLINED = "declined"  # the supplier's later message declines it
    FAILED = "failed"  # no order was placed
    UNKNOWN = "unknown"  # the order was sent, and its outcome is not known


HOLD_WAYS: Mapping[HoldState, frozenset[HoldState]] = {
    HoldState.REQUESTED: frozenset({HoldState.ACTIVE, HoldState.DENIED}),
    HoldState.ACTIVE: frozenset({HoldState.RELEASED, HoldState.EXPIRED, HoldState.PURCHASED}),
    HoldState.DENIED: frozenset(),
    HoldState.RELEASED: frozenset(),
    HoldState.EXPIRED: frozenset(),
    HoldState.PURCHASED: frozenset(),
}
PURCHASE_WAYS: Mapping[PurchaseState, frozenset[PurchaseState]] = {
    PurchaseState.PENDING: frozenset({PurchaseState.ORDERED, PurchaseState.FAILED, PurchaseState.UNKNOWN}),
    PurchaseState.UNKNOWN: frozenset({PurchaseState.ORDERED, PurchaseState.FAILED}),
    PurchaseState.ORDERED: frozenset({PurchaseState.CONFIRMED, PurchaseState.DECLINED}),
    # A stone can turn out to be unavailable after its confirmation, for example at its inspection.
    PurchaseState.CONFIRMED: frozenset({PurchaseState.DECLINED}),
    PurchaseState.DECLINED: frozenset(),
    PurchaseState.FAILED: frozenset(),
}

OPEN_HOLDS = frozenset({HoldState.REQUESTED, HoldState.ACTIVE})
# The order may still be placed, or may have been.
OPEN_PURCHASES = frozenset({PurchaseState.PENDING, PurchaseState.UNKNOWN})
# The supplier has accepted the order, and has not declined it.
BOUGHT = frozenset({PurchaseState.ORDERED, PurchaseState.CONFIRMED})

# The `status` of the REST contract, whose values are older than the supplier's confirmation.
REST_STATUS: Mapping[PurchaseState, str] = {
    PurchaseState.PENDING: "pending",
    PurchaseState.ORDERED: "confirmed",
    PurchaseState.CONFIRMED: "confirmed",
    PurchaseState.DECLINED: "failed",
    PurchaseState.FAILED: "failed",
    PurchaseState.UNKNOWN: "unknown",
}


def holds_before(state: HoldState) -> list[str]:
    """The states from which a hold may enter this one, as a statement's argument."""
    return sorted(before for before, after in HOLD_WAYS.items() if state in after)


def purchases_before(state: PurchaseState) -> list[str]:
    """The states from which a purchase may enter this one, as a statement's argument."""
    return sorted(before for before, after in PURCHASE_WAYS.items() if state in after)
