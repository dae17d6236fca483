"""Price check immediately before an order: compare the supplier item with the terms of the purchase. Pure."""

from collections.abc import Callable

import msgspec

from inventory.core.errors import SupplierError
from inventory.suppliers.ports import ItemStatus
from inventory.trading.errors import NotAvailable, PriceChanged
from inventory.trading.models import Hold, TradedDiamond
from inventory.trading.terms import PriceBasis, PriceTerms


class PriceAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted price: the order may be sent for this offer.

    `supplier_price_cents`: price of the supplier item; None if it was not read. `price_difference_cents`: its increase since
    the client's hold was placed; None without an increase or a hold. `compared`: whether the item showed the account's orders;
    `order_item_id`: the order item that it showed.
    """

    offer_id: str
    compared: bool = True
    supplier_price_cents: int | None = None
    price_difference_cents: int | None = None
    order_item_id: str | None = None


class PriceRejected(msgspec.Struct, frozen=True):
    """A rejected price: the order must not be sent.

    `code`: reason for the client. `current_price_cents`: current price for the client.
    """

    code: str
    reason: str
    current_price_cents: int | None = None


def check(
    status: ItemStatus | None,
    offer_id: str,
    terms: PriceTerms,
    diamond: TradedDiamond,
    hold: Hold | None,
    reprice: Callable[[int], int],
) -> PriceAccepted | PriceRejected:
    """Compare the supplier item with the terms of a purchase.

    `status`: the item; None if the supplier has no such item. `offer_id`: offer of the last sync, used if the item shows
    none. `reprice`: computes the client's price from a supplier price by the pricing rules.

    A guaranteed price is always valid. A list price is valid unless the supplier's price has risen since it was computed. A
    quoted price is valid if the supplier's price still results in it.
    """
    if status is None:
        return PriceRejected(NotAvailable.reason, "The supplier no longer has the stone.")
    # Only the account that placed a hold sees its id, so such a hold does not block the purchase.
    if hold is None and status.availability != "available" and status.hold_id is None:
        return PriceRejected(NotAvailable.reason, f"The supplier says that the stone is {status.availability}.")
    cents = status.price_cents
    if cents is None:
        return PriceRejected(
            SupplierError.code, "The supplier does not show a price, so the price could not be checked."
        )
    current = _current_price(cents, terms, diamond, hold, reprice)
    if current != terms.price_cents:
        # The message contains no supplier prices: clients may not see them.
        return PriceRejected(PriceChanged.reason, "The supplier's price has changed since the last sync.", current)
    before = hold.supplier_price_cents if hold else None
    base = diamond.supplier_price_cents if before is None else before
    return PriceAccepted(
        offer_id=status.offer_id or offer_id,
        supplier_price_cents=cents,
        price_difference_cents=cents - base if hold and cents > base else None,
        compared=status.shows_orders,
        order_item_id=status.order_item_id,
    )


def _current_price(
    cents: int, terms: PriceTerms, diamond: TradedDiamond, hold: Hold | None, reprice: Callable[[int], int]
) -> int:
    """Compute the client's price for a supplier price of `cents`."""
    risen = cents > diamond.supplier_price_cents
    if hold is None:
        return reprice(cents) if risen else diamond.retail_price_cents
    return hold.price_cents if terms.basis is PriceBasis.GUARANTEED or risen else terms.price_cents
