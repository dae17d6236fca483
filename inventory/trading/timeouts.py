"""Time limits of calls to the supplier in trading."""

from inventory.core.settings.trading import TradingSettings

# Beyond the limits of a call, before the settlement job assumes that the calling process has stopped.
_MARGIN_SECONDS = 10.0


def supplier_call_seconds(settings: TradingSettings) -> float:
    """Longest duration of a call, from its request for a turn at the rate limiter to the supplier's answer."""
    return settings.patience_seconds + settings.timeout_seconds


def settlement_seconds(settings: TradingSettings) -> float:
    """Time after which a call has certainly ended, unless its process has stopped."""
    return 2 * supplier_call_seconds(settings) + _MARGIN_SECONDS
