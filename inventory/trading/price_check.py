"""The check of the supplier's price and offer immediately before an order. Pure."""

from collections.abc import Callable

import msgspec

from inventory.core.errors import SupplierError
from inventory.suppliers.ports import ItemStatus
from inventory.trading.errors import NotAvailable, PriceChanged
from inventory.trading.models import Hold, TradedStone
from inventory.trading.terms import PriceBasis, PriceTerms


class PriceAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """The order may be sent, for this offer.

    `supplier_price_cents`: the price of the supplier's item, None if it was not read. `price_difference_cents`: how much more
    that is than when the client's hold was made, None if it is not more, or without a hold. `compared`: whether the item
    showed orders of this account; `order_item_id` is the one that it showed already.
    """

    offer_id: str
    compared: bool = True
    supplier_price_cents: int | None = None
    price_difference_cents: int | None = None
    order_item_id: str | None = None


class PriceRejected(msgspec.Struct, frozen=True):
    """The order must not be sent. `code`: the reason for the client. `current_price_cents`: what the stone costs now."""

    code: str
    reason: str
    current_price_cents: int | None = None


def check(
    status: ItemStatus | None,
    offer_id: str,
    terms: PriceTerms,
    stone: TradedStone,
    hold: Hold | None,
    reprice: Callable[[int], int],
) -> PriceAccepted | PriceRejected:
    """Compare the supplier's item with the terms of a purchase.

    `status`: the item, None if the supplier has no such stone. `offer_id`: the offer that the last sync brought; the item's
    replaces it. `reprice`: the client's price by the rules for a price of the supplier.

    A guaranteed price is kept whatever the supplier asks now. A list price is kept unless the supplier's price is higher
    than the one it was made from. A quoted price is kept if the supplier's price still leads to it.
    """
    if status is None:
        return PriceRejected(NotAvailable.reason, "The supplier no longer has the stone.")
    # A hold that only this account sees is one of ours, and no obstacle.
    if hold is None and status.availability != "available" and status.hold_id is None:
        return PriceRejected(NotAvailable.reason, f"The supplier says that the stone is {status.availability}.")
    cents = status.price_cents
    if cents is None:
        return PriceRejected(
            SupplierError.code, "The supplier does not show a price, so the price could not be checked."
        )
    current = _current_price(cents, terms, stone, hold, reprice)
    if current != terms.price_cents:
        # Without figures: the supplier's prices are not for every client.
        return PriceRejected(PriceChanged.reason, "The supplier's price has changed since the last sync.", current)
    before = hold.supplier_price_cents if hold else None
    base = stone.supplier_price_cents if before is None else before
    return PriceAccepted(
        offer_id=status.offer_id or offer_id,
        supplier_price_cents=cents,
        price_difference_cents=cents - base if hold and cents > base else None,
        compared=status.shows_orders,
        order_item_id=status.order_item_id,
    )


def _current_price(
    cents: int, terms: PriceTerms, stone: TradedStone, hold: Hold | None, reprice: Callable[[int], int]
) -> int:
    """What the client has to pay while the supplier asks `cents`."""
    risen = cents > stone.supplier_price_cents
    if hold is None:
        return reprice(cents) if risen else stone.retail_price_cents
    return hold.price_cents if terms.basis is PriceBasis.GUARANTEED or risen else terms.price_cents
