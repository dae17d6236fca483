"""Terms of a purchase: whether a client may buy a stone, and at which price. Pure."""

from enum import Enum, auto

import msgspec

from inventory.trading.errors import NotAvailable, PriceChanged
from inventory.trading.models import Hold, TradedStone


class PriceBasis(Enum):
    """What a price rests on."""

    LISTED = auto()  # the list price, which follows from the supplier's price of the last sync
    GUARANTEED = auto()  # the price that the client's hold guarantees
    QUOTED = auto()  # the price that the client's last refused purchase named, because the supplier's had risen


class PriceTerms(msgspec.Struct, frozen=True):
    """What is charged (US cents), and what that rests on."""

    price_cents: int
    basis: PriceBasis


def agree(expected_cents: int | None, stone: TradedStone, hold: Hold | None, quoted_cents: int | None) -> PriceTerms:
    """The terms for a client that expects a price, or any of those that are valid (None).

    `hold`: the client's own hold of the stone. `quoted_cents`: the price that its last refused purchase named; it is valid
    without a hold, if the supplier's price is checked before the order.

    Raises:
        PriceChanged: the expected price is not valid; `details` say which one is.
    """
    basis = PriceBasis.GUARANTEED if hold else PriceBasis.LISTED
    offered = hold.price_cents if hold else stone.retail_price_cents
    if expected_cents is None or expected_cents == offered:
        return PriceTerms(offered, basis)
    if expected_cents == stone.retail_price_cents:
        return PriceTerms(expected_cents, PriceBasis.LISTED)
    if hold is None and expected_cents == quoted_cents:
        return PriceTerms(expected_cents, PriceBasis.QUOTED)
    raise PriceChanged(
        "The price has changed. Nothing was ordered and the idempotency key is unused: buy at the new price under any key.",
        price_cents=offered,
    )


def require_available(stone: TradedStone, hold: Hold | None) -> str:
    """The supplier's offer of a stone that this client may buy.

    Under a hold of the client only the supplier can refuse: what a sync wrote meanwhile does not.

    Raises:
        NotAvailable: the stone is sold, on hold or unavailable, or has no offer.
    """
    if stone.availability == "sold" or (hold is None and stone.availability != "available"):
        raise NotAvailable(availability=stone.availability)
    if stone.offer_id is None:
        raise NotAvailable("The supplier does not say how to order this diamond.", availability="unavailable")
    return stone.offer_id
