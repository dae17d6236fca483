"""Settings of trading: limits of holds, timeouts, and the price check."""

from typing import Annotated

from pydantic import BaseModel

from inventory.core.settings.field import setting


class TradingSettings(BaseModel):
    """Settings of holds and purchases."""

    trading_longest_hold_minutes: Annotated[
        int,
        setting(
            "Trading",
            "Longest duration of a hold since its request, extensions included.",
            ge=1,
            le=366 * 1440,
        ),
    ] = 24 * 60
    trading_holds_per_client: Annotated[int, setting("Trading", "Open holds of one client.", ge=1, le=100_000)] = 50
    trading_timeout_seconds: Annotated[
        float, setting("Trading", "Timeout of the supplier's answer to a hold or an order.", gt=0, le=120)
    ] = 15.0
    trading_patience_seconds: Annotated[
        float,
        setting(
            "Trading",
            "Longest wait of a hold or an order for the rate limiter, and for retries that the supplier requests, before it "
            "is sent.",
            gt=0,
            le=120,
        ),
    ] = 10.0
    trading_wait_seconds: Annotated[
        float,
        setting("Trading", "Longest wait of a repeated request for the outcome of the first one.", ge=0, le=60),
    ] = 5.0
    trading_check_price: Annotated[
        bool,
        setting(
            "Trading",
            "Whether the supplier's price is checked immediately before an order. Without a hold, a higher price rejects it.",
        ),
    ] = True
    trading_confirmation_hours: Annotated[
        float,
        setting(
            "Trading",
            "Time after an order without the supplier's confirmation until an operator is reminded.",
            gt=0,
            le=24 * 366,
        ),
    ] = 48.0
