"""The states of holds and purchases and the ways between them: the one place that says what may become of what. Pure."""

from collections.abc import Mapping
from enum import StrEnum


class HoldState(StrEnum):
    """How far a hold is."""

    REQUESTED = "requested"  # the stone is reserved; the supplier has been asked, or soon will be
    ACTIVE = "active"
    DENIED = "denied"
    RELEASED = "released"
    EXPIRED = "expired"
    PURCHASED = "purchased"


class PurchaseState(StrEnum):
    """How far a purchase is."""

    PENDING = "pending"  # the supplier has been asked, or soon will be
    CONFIRMED = "confirmed"
    FAILED = "failed"
    UNKNOWN = "unknown"  # asked, and nobody knows what became of it


HOLD_WAYS: Mapping[HoldState, frozenset[HoldState]] = {
    HoldState.REQUESTED: frozenset({HoldState.ACTIVE, HoldState.DENIED}),
    HoldState.ACTIVE: frozenset({HoldState.RELEASED, HoldState.EXPIRED, HoldState.PURCHASED}),
    HoldState.DENIED: frozenset(),
    HoldState.RELEASED: frozenset(),
    HoldState.EXPIRED: frozenset(),
    HoldState.PURCHASED: frozenset(),
}
PURCHASE_WAYS: Mapping[PurchaseState, frozenset[PurchaseState]] = {
    PurchaseState.PENDING: frozenset({PurchaseState.CONFIRMED, PurchaseState.FAILED, PurchaseState.UNKNOWN}),
    PurchaseState.UNKNOWN: frozenset({PurchaseState.CONFIRMED, PurchaseState.FAILED}),
    PurchaseState.CONFIRMED: frozenset(),
    PurchaseState.FAILED: frozenset(),
}

OPEN_HOLDS = frozenset({HoldState.REQUESTED, HoldState.ACTIVE})
OPEN_PURCHASES = frozenset({PurchaseState.PENDING, PurchaseState.UNKNOWN})


def holds_before(state: HoldState) -> list[str]:
    """The states from which a hold may come into this one, as the statements that move it want them."""
    return sorted(before for before, after in HOLD_WAYS.items() if state in after)


def purchases_before(state: PurchaseState) -> list[str]:
    """The same for purchases."""
    return sorted(before for before, after in PURCHASE_WAYS.items() if state in after)
