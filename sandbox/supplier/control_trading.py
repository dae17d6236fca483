"""Control API of holds and orders: extend a hold, confirm or decline an order."""

from typing import Annotated, Any

from msgspec import Meta
from starlette.requests import Request

from sandbox.supplier.control_http import Route, Strict, read_body
from sandbox.supplier.trading import AfterDecline, ExtensionStatus, Hold, Order, Trading


class Extension(Strict, frozen=True):
    """Extension of a hold by a number of seconds."""

    seconds: Annotated[float, Meta(gt=0, le=365 * 86_400)] = 86_400
    status: ExtensionStatus = "SUPPLIER_EXTENDED"


class Decline(Strict, frozen=True):
    """`stone`: state of the stones afterwards: sold (to another customer), available, or removed from the feed."""

    stone: AfterDecline = "sold"


class Confirm(Strict, frozen=True):
    """Confirmation of an order; it has no fields."""


class TradingControl:
    """Routes of holds and orders."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading

    def routes(self) -> list[Route]:
        return [
            ("GET", "holds", self.holds),
            ("POST", "holds/{id}/extend", self.extend),
            ("GET", "orders", self.orders),
            ("POST", "orders/{id}/confirm", self.confirm),
            ("POST", "orders/{id}/decline", self.decline),
        ]

    async def holds(self, _request: Request) -> Any:
        return [_hold(hold) for hold in self._trading.holds()]

    async def extend(self, request: Request) -> Any:
        body = await read_body(request, Extension)
        return _hold(self._trading.extend(request.path_params["id"], body.seconds, body.status))

    async def orders(self, _request: Request) -> Any:
        return [_order(order) for order in self._trading.orders()]

    async def confirm(self, request: Request) -> Any:
        await read_body(request, Confirm)
        return _order(self._trading.confirm(request.path_params["id"]))

    async def decline(self, request: Request) -> Any:
        body = await read_body(request, Decline)
        return _order(self._trading.decline(request.path_params["id"], body.stone))


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "stone_id": hold.stone_id,
        "account": hold.account,
        "requested": hold.requested,
        "until": hold.until,
        "extension_status": hold.extension_status,
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "account": order.account,
        "created": order.created,
        "state": order.state,
        "items": [
            {"id": item.id, "stone_id": item.stone_id, "returnable": item.returnable, "item": item.item}
            for item in order.items
        ],
    }
