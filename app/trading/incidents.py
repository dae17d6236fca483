"""What someone must be told of purchases, put into words."""

from app.alerts.incident import Content, Incident
from app.trading.models import Purchase

_LOOK = """Ask the supplier, or look into the account there, for an order with this customer order number. Then settle the \
purchase with the mutation purchaseResolve (scope purchases:admin). Until then the stone stays reserved, and nothing is \
sent again."""
_CONTRADICTED = """Look into the account at the supplier: the order is there, and somebody will be charged for it. Tell the \
client, or cancel the order."""


def purchase_unknown(feed: str, purchase: Purchase) -> Incident:
    """An order went out, and nobody knows what became of it."""
    return Incident(
        key=f"purchase_unknown:{purchase.id}",
        kind="purchase_unknown",
        feed=feed,
        run_id=None,
        content=Content(
            subject="A purchase has an unknown outcome",
            reason="The order was sent, and the supplier did not say what became of it.",
            figures=_figures(purchase),
            next_step=_LOOK,
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


def _figures(purchase: Purchase) -> list[tuple[str, str]]:
    return [
        ("Purchase, and customer order number", str(purchase.id)),
        ("Client", purchase.client_id),
        ("Diamond", str(purchase.diamond_id)),
        ("Offer at the supplier", purchase.offer_id),
        ("Price", f"${purchase.price_cents / 100:,.2f}"),
        ("Asked for", f"{purchase.requested_at:%Y-%m-%d %H:%M:%S} UTC"),
    ]
