"""Errors of trading. Each has a `reason`, and its docstring is the message for clients."""

from typing import ClassVar

from inventory.core.errors import Conflict


class TradingConflict(Conflict):
    """The diamond cannot be traded now."""

    reason: ClassVar[str] = "NOT_AVAILABLE"

    def __init__(self, message: str | None = None, **details: object) -> None:
        """`details`: facts for the client, in addition to the reason."""
        super().__init__(message, details={"reason": self.reason, **details})


class NotAvailable(TradingConflict):
    """The diamond is not available."""


class NotTradable(TradingConflict):
    """Diamonds of this supplier cannot be held or purchased here. Contact the seller."""

    reason = "NOT_TRADABLE"


class AlreadyHeld(TradingConflict):
    """Another client or reference holds the diamond."""

    reason = "ALREADY_HELD"


class HoldDenied(TradingConflict):
    """The supplier denied the hold."""

    reason = "HOLD_DENIED"


class HoldLimitReached(TradingConflict):
    """The client has reached its limit of open holds. Release a hold first."""

    reason = "HOLD_LIMIT_REACHED"


class HoldOver(TradingConflict):
    """The hold is over."""

    reason = "HOLD_OVER"


class HoldNotExtendable(TradingConflict):
    """The hold already has the longest allowed duration."""

    reason = "HOLD_NOT_EXTENDABLE"


class PriceChanged(TradingConflict):
    """The price has changed. Nothing was ordered. Buy at the new price under a new idempotency key."""

    reason = "PRICE_CHANGED"


class IdempotencyMismatch(TradingConflict):
    """The idempotency key was used for another request."""

    reason = "IDEMPOTENCY_MISMATCH"


class PurchaseFailed(TradingConflict):
    """The purchase failed: the supplier has no such order. Buy again under a new idempotency key."""

    reason = "PURCHASE_FAILED"


class PurchaseDeclined(TradingConflict):
    """The supplier declined the order after it had accepted it. Buy another diamond under a new idempotency key."""

    reason = "PURCHASE_DECLINED"


class PurchaseSettled(TradingConflict):
    """The state of the purchase does not allow this outcome."""

    reason = "PURCHASE_SETTLED"
