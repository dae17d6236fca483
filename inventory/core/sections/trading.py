"""Trading: the length of holds, who may hold, and timeouts."""

from typing import Annotated

from pydantic import BaseModel

from inventory.core.sections.field import setting


class TradingSettings(BaseModel):
    """Settings of holds and purchases."""

    trading_longest_hold_minutes: Annotated[
        int,
        setting(
            "Trading",
            "How long a stone may be held, from the request on, however it is extended.",
            ge=1,
            le=366 * 1440,
        ),
    ] = 24 * 60
    trading_holds_per_client: Annotated[
        int, setting("Trading", "Stones that one client may hold at a time.", ge=1, le=100_000)
    ] = 50
    trading_timeout_seconds: Annotated[
        float, setting("Trading", "Longest wait for the supplier's answer to a hold or an order.", gt=0, le=120)
    ] = 15.0
    trading_patience_seconds: Annotated[
        float,
        setting(
            "Trading",
            "How long a hold or an order may wait for its turn, and for a supplier that asks for patience, before it is "
            "sent.",
            gt=0,
            le=120,
        ),
    ] = 10.0
    trading_wait_seconds: Annotated[
        float,
        setting("Trading", "How long the same request sent again waits for what becomes of the first.", ge=0, le=60),
    ] = 5.0
    trading_check_price: Annotated[
        bool,
        setting(
            "Trading",
            "Whether the supplier's price is read immediately before an order. Without a hold, a higher one refuses the order.",
        ),
    ] = True
    trading_confirmation_hours: Annotated[
        float,
        setting(
            "Trading",
            "How long after an order the supplier's confirmation may take before an operator is reminded of it.",
            gt=0,
            le=24 * 366,
        ),
    ] = 48.0
