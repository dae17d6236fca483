"""Alerts about purchases, in words for operators."""

from collections.abc import Sequence

from inventory.alerts.incident import Content, Incident
from inventory.trading.models import Purchase

_LOOK = """Look for an order with this customer order number in the account at the supplier, or ask the supplier. Then settle \
the purchase with the mutation purchaseResolve (scope purchases:admin) or the command below. Until then the stone stays \
reserved, and nothing is sent again."""
_CONTRADICTED = """Look into the account at the supplier: the order is there and will be charged. Inform the client, or cancel \
the order at the supplier."""
_UNANSWERED = """Look for the supplier's message about each order, or ask the supplier. Then record it with the mutation \
purchaseConfirm or purchaseDecline (scope purchases:admin) or a command below. There is no further reminder of these orders."""
# Beyond that a mail is no longer read; the list of all is one command away.
_MOST_LISTED = 20


def purchase_unknown(feed: str, purchase: Purchase) -> Incident:
    """An order was sent, and its outcome is unknown."""
    return Incident(
        key=f"purchase_unknown:{purchase.id}",
        kind="purchase_unknown",
        feed=feed,
        run_id=None,
        content=Content(
            subject="A purchase has an unknown outcome",
            reason="The order was sent, and the supplier did not answer.",
            figures=_figures(purchase),
            next_step=_LOOK,
            commands=[
                f"python -m app purchases resolve {purchase.id} --outcome ordered --reason TEXT",
                f"python -m app purchases resolve {purchase.id} --outcome failed --reason TEXT",
            ],
        ),
    )


def purchase_contradicted(feed: str, purchase: Purchase, order_id: str) -> Incident:
    """The supplier confirms an order that was given up here."""
    return Incident(
        key=f"purchase_contradicted:{purchase.id}",
        kind="purchase_contradicted",
        feed=feed,
        run_id=None,
        content=Content(
            subject="The supplier confirms an order that was given up here",
            reason=f"The purchase is {purchase.state}, and then the supplier confirmed it.",
            figures=[*_figures(purchase), ("Order at the supplier", order_id)],
            next_step=_CONTRADICTED,
        ),
    )


def purchase_evidence(feed: str, purchase: Purchase) -> Incident:
    """The supplier shows an order item on the stone of a purchase of unknown outcome."""
    known = purchase.checked_at is not None
    before = purchase.order_item_before or "none" if known else "not known, it was not read before the order"
    return Incident(
        key=f"purchase_evidence:{purchase.id}",
        kind="purchase_evidence",
        feed=feed,
        run_id=None,
        content=Content(
            subject="A purchase of unknown outcome was probably ordered",
            reason="The supplier shows an order item of this account on the stone"
            + (" that was not there before the order." if known else "."),
            figures=[
                *_figures(purchase),
                ("Order item at the supplier", purchase.order_item_seen or ""),
                ("Order item before", before),
            ],
            next_step=_LOOK,
            commands=[f"python -m app purchases resolve {purchase.id} --outcome ordered --reason TEXT"],
        ),
    )


def purchase_price_risen(feed: str, purchase: Purchase) -> Incident:
    """A stone was ordered at its guaranteed price, and the supplier asks more than when the hold was made."""
    difference = purchase.price_difference_cents or 0
    return Incident(
        key=f"purchase_price_risen:{purchase.id}",
        kind="purchase_price_risen",
        feed=feed,
        run_id=None,
        content=Content(
            subject="A guaranteed price was honoured at a higher cost",
            reason="The supplier's price has risen since the hold was made. The client pays the guaranteed price.",
            figures=[
                *_figures(purchase),
                ("Supplier's price now", _dollars(purchase.supplier_price_cents or 0)),
                ("More than under the hold", _dollars(difference)),
            ],
            next_step="Nothing has to be done for the purchase. If this happens often, shorten TRADING_LONGEST_HOLD_MINUTES.",
        ),
    )


def purchases_unanswered(feed: str, purchases: Sequence[Purchase]) -> Incident:
    """Orders that the supplier accepted, and has neither confirmed nor declined in time. The oldest comes first."""
    listed = [
        (f"Order {one.supplier_order_id or 'without an id'} of {one.ordered_at:%Y-%m-%d %H:%M} UTC", str(one.id))
        for one in purchases[:_MOST_LISTED]
    ]
    more = [("Others", f"{len(purchases) - _MOST_LISTED}")] if len(purchases) > _MOST_LISTED else []
    return Incident(
        key=f"purchases_unanswered:{purchases[0].id}",
        kind="purchases_unanswered",
        feed=feed,
        run_id=None,
        content=Content(
            subject="Orders without the supplier's confirmation",
            reason="The supplier accepted these orders, and no confirmation or decline is recorded.",
            figures=[("Orders", str(len(purchases))), *listed, *more],
            next_step=_UNANSWERED,
            commands=[
                "python -m app purchases list --state ordered",
                "python -m app purchases confirm PURCHASE_ID --reason TEXT",
                "python -m app purchases decline PURCHASE_ID --reason TEXT",
            ],
        ),
    )


def _figures(purchase: Purchase) -> list[tuple[str, str]]:
    return [
        ("Purchase, and customer order number", str(purchase.id)),
        ("Client", purchase.client_id),
        ("Diamond", str(purchase.diamond_id)),
        ("Offer at the supplier", purchase.offer_id),
        ("Price", _dollars(purchase.price_cents)),
        ("Asked for", f"{purchase.requested_at:%Y-%m-%d %H:%M:%S} UTC"),
    ]


def _dollars(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"
