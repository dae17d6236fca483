"""Terms of a purchase: whether a client may buy a diamond, and at which price. Pure."""

from enum import Enum, auto

import msgspec

from inventory.trading.errors import NotAvailable, NotTradable, PriceChanged
from inventory.trading.models import Hold, TradedDiamond


class PriceBasis(Enum):
    """Basis of a price."""

    LISTED = auto()  # the list price, computed from the supplier's price of the last sync
    GUARANTEED = auto()  # the price that the client's hold guarantees
    QUOTED = auto()  # the price that the client's last rejected purchase named, because the supplier's price had risen


class PriceTerms(msgspec.Struct, frozen=True):
    """Price of a purchase (US cents) and its basis."""

    price_cents: int
    basis: PriceBasis


def determine_terms(
    expected_cents: int | None, diamond: TradedDiamond, hold: Hold | None, quoted_cents: int | None
) -> PriceTerms:
    """Determine the price of a purchase. `expected_cents`: price that the client expects; None accepts any valid price.

    `hold`: the client's hold of the diamond. `quoted_cents`: price that the client's last rejected purchase named. It is valid
    without a hold, if the supplier's price is checked before the order.

    Raises:
        PriceChanged: the expected price is not valid; `details` contain the valid price.
    """
    basis = PriceBasis.GUARANTEED if hold else PriceBasis.LISTED
    offered = hold.price_cents if hold else diamond.retail_price_cents
    if expected_cents is None or expected_cents == offered:
        return PriceTerms(offered, basis)
    if expected_cents == diamond.retail_price_cents:
        return PriceTerms(expected_cents, PriceBasis.LISTED)
    if hold is None and expected_cents == quoted_cents:
        return PriceTerms(expected_cents, PriceBasis.QUOTED)
    raise PriceChanged(
        "The price has changed. Nothing was ordered, and the idempotency key is unused. Buy at the new price under any key.",
        price_cents=offered,
    )


def require_tradable(diamond: TradedDiamond, supplier: str | None) -> None:
    """Check that a diamond is one of the supplier that trades; None if none does.

    Raises:
        NotTradable: its supplier has no trading.
    """
    if diamond.supplier != supplier:
        raise NotTradable(supplier=diamond.supplier)


def require_available(diamond: TradedDiamond, hold: Hold | None) -> str:
    """Return the supplier's offer of a diamond that the client may buy.

    A client's hold takes precedence over an availability that a sync has written since.

    Raises:
        NotAvailable: the diamond is sold, on hold or unavailable, or has no offer.
    """
    if diamond.availability == "sold" or (hold is None and diamond.availability != "available"):
        raise NotAvailable(availability=diamond.availability)
    if diamond.offer_id is None:
        raise NotAvailable("The supplier has no offer of this diamond.", availability="unavailable")
    return diamond.offer_id
