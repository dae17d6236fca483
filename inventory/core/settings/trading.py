"""Settings of trading: limits of holds, timeouts, and the price check."""

from typing import Annotated

from inventory.core.settings.section import SettingsSection, setting


class TradingSettings(SettingsSection, title="Trading", prefix="TRADING_"):
    """Settings of holds and purchases."""

    longest_hold_minutes: Annotated[
        int,
        setting(
            "Longest duration of a hold since its request, extensions included.",
            ge=1,
            le=366 * 1440,
        ),
    ] = 24 * 60
    holds_per_client: Annotated[int, setting("Open holds of one client.", ge=1, le=100_000)] = 50
    holds_per_reference: Annotated[
        int,
        setting("Open holds of one reference of a client. A shop tells its shoppers apart by it.", ge=1, le=100_000),
    ] = 10
    timeout_seconds: Annotated[
        float, setting("Timeout of the supplier's answer to a hold or an order.", gt=0, le=120)
    ] = 15.0
    patience_seconds: Annotated[
        float,
        setting(
            "Longest wait of a hold or an order for the rate limiter, and for retries that the supplier requests, before it "
            "is sent.",
            gt=0,
            le=120,
        ),
    ] = 10.0
    wait_seconds: Annotated[
        float,
        setting("Longest wait of a repeated request for the outcome of the first one.", ge=0, le=60),
    ] = 5.0
    check_price: Annotated[
        bool,
        setting(
            "Whether the supplier's price is checked immediately before an order. Without a hold, a higher price rejects it.",
        ),
    ] = True
    confirmation_hours: Annotated[
        float,
        setting(
            "Time after an order without the supplier's confirmation until an operator is reminded.",
            gt=0,
            le=24 * 366,
        ),
    ] = 48.0
