"""Incidents of purchases: texts of the alerts for operators."""

from collections.abc import Sequence

from inventory.alerts.incident import Content, Incident
from inventory.trading.models import Purchase

_RESOLVE = """Search the account at the supplier for an order with this customer order number, or ask the supplier. Then settle \
the purchase with the mutation purchaseResolve (scope purchases:admin) or the command below. Until then the diamond stays \
reserved, and the order is not sent again."""
_CONTRADICTED = """Open the account at the supplier: the order exists and will be charged. Inform the client, or cancel \
the order at the supplier."""
_UNANSWERED = """Search for the supplier's message about each order, or ask the supplier. Then record it with the mutation \
purchaseConfirm or purchaseDecline (scope purchases:admin) or a command below. There is no further reminder of these orders."""
# Keeps the mail readable. The first command lists all orders.
_LIST_LIMIT = 20


def purchase_unknown(feed: str, purchase: Purchase) -> Incident:
    """Incident: an order was sent, and its outcome is unknown."""
    return Incident(
        key=f"purchase_unknown:{purchase.id}",
        kind="purchase_unknown",
        feed=feed,
        run_id=None,
        content=Content(
            subject="A purchase has an unknown outcome",
            reason="The order was sent, and the supplier did not answer.",
            figures=_figures(purchase),
            next_step=_RESOLVE,
            commands=[
                f"diamonds-app purchases resolve {purchase.id} --outcome ordered --reason TEXT",
                f"diamonds-app purchases resolve {purchase.id} --outcome failed --reason TEXT",
            ],
        ),
    )


def purchase_contradicted(feed: str, purchase: Purchase, order_id: str) -> Incident:
    """Incident: the supplier accepted the order of a failed purchase."""
    return Incident(
        key=f"purchase_contradicted:{purchase.id}",
        kind="purchase_contradicted",
        feed=feed,
        run_id=None,
        content=Content(
            subject="The supplier accepted the order of a failed purchase",
            reason=f"The purchase is {purchase.state}, and the supplier accepted its order afterwards.",
            figures=[*_figures(purchase), ("Order at the supplier", order_id)],
            next_step=_CONTRADICTED,
        ),
    )


def purchase_evidence(feed: str, purchase: Purchase) -> Incident:
    """Incident: the supplier shows an order item for a purchase of unknown outcome."""
    known = purchase.checked_at is not None
    before = purchase.order_item_before or "none" if known else "unknown, it was not read before the order"
    return Incident(
        key=f"purchase_evidence:{purchase.id}",
        kind="purchase_evidence",
        feed=feed,
        run_id=None,
        content=Content(
            subject="A purchase of unknown outcome was probably ordered",
            reason="The supplier shows an order item of this account on the diamond"
            + (" that was not there before the order." if known else "."),
            figures=[
                *_figures(purchase),
                ("Order item at the supplier", purchase.order_item_seen or ""),
                ("Order item before", before),
            ],
            next_step=_RESOLVE,
            commands=[f"diamonds-app purchases resolve {purchase.id} --outcome ordered --reason TEXT"],
        ),
    )


def purchase_price_risen(feed: str, purchase: Purchase) -> Incident:
    """Incident: a diamond was ordered at its guaranteed price after the supplier's price had risen."""
    difference = purchase.price_difference_cents or 0
    return Incident(
        key=f"purchase_price_risen:{purchase.id}",
        kind="purchase_price_risen",
        feed=feed,
        run_id=None,
        content=Content(
            subject="A guaranteed price was honoured at a higher cost",
            reason="The supplier's price has risen since the hold was placed. The client pays the guaranteed price.",
            figures=[
                *_figures(purchase),
                ("Supplier's price now", _dollars(purchase.supplier_price_cents or 0)),
                ("Increase since the hold", _dollars(difference)),
            ],
            next_step="The purchase needs no action. If this happens often, reduce TRADING_LONGEST_HOLD_MINUTES.",
        ),
    )


def purchases_unanswered(feed: str, purchases: Sequence[Purchase]) -> Incident:
    """Incident: orders that the supplier accepted and did not confirm or decline in time. `purchases`: oldest first."""
    listed = [
        (
            f"Order {purchase.supplier_order_id or 'without an id'} of {purchase.ordered_at:%Y-%m-%d %H:%M} UTC",
            str(purchase.id),
        )
        for purchase in purchases[:_LIST_LIMIT]
    ]
    more = [("Others", f"{len(purchases) - _LIST_LIMIT}")] if len(purchases) > _LIST_LIMIT else []
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
                "diamonds-app purchases list --state ordered",
                "diamonds-app purchases confirm PURCHASE_ID --reason TEXT",
                "diamonds-app purchases decline PURCHASE_ID --reason TEXT",
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
        ("Requested", f"{purchase.requested_at:%Y-%m-%d %H:%M:%S} UTC"),
    ]


def _dollars(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"
