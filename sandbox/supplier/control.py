"""Control API: ground truth of the feed, feed changes, fault rules, the served schema, and the call log."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from sandbox.supplier.bad_values import MAX_CENTS
from sandbox.supplier.behaviour import Behaviour, BehaviourHolder
from sandbox.supplier.call_log import CallLog
from sandbox.supplier.changes import Changes, DriftKind, Field
from sandbox.supplier.control_http import Strict, error_response, int_parameter, json_endpoint, read_body
from sandbox.supplier.control_trading import TradingControl
from sandbox.supplier.drift import Drift
from sandbox.supplier.endpoint import Endpoint
from sandbox.supplier.faults import Faults, Rule
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.served_schema import SchemaOptions, ServedSchema
from sandbox.supplier.trading import Trading

Count = Annotated[int, Meta(ge=1, le=1_000_000)]

_PAGE, _LARGEST_PAGE = 1_000, 100_000


class Change(Strict, frozen=True):
    count: Count
    seed: int = 0
    fields: Annotated[list[Field], Meta(min_length=1)] = msgspec.field(default_factory=lambda: ["price"])


class Add(Strict, frozen=True):
    count: Count
    seed: int = 0


class Remove(Strict, frozen=True):
    count: Count | None = None
    seed: int = 0
    ids: list[str] | None = None

    def __post_init__(self) -> None:
        if (self.count is None) == (self.ids is None):
            raise ValueError("set either count or ids")


class BringBack(Strict, frozen=True):
    ids: Annotated[list[str], Meta(min_length=1)]


class Update(Strict, frozen=True):
    """Change of one stone. `set`: values, see `Changes.update`. `restore`: first remove all overrides.

    `indexed`: whether price ranges match the stone.
    """

    id: str
    set: dict[str, Any] = msgspec.field(default_factory=dict)
    restore: bool = False
    indexed: bool | None = None

    def __post_init__(self) -> None:
        if not self.set and not self.restore and self.indexed is None:
            raise ValueError("set at least one of set, restore and indexed")


class OfferAgain(Strict, frozen=True):
    """Another offer of a stone, at a price in cents."""

    id: str
    price: Annotated[int, Meta(gt=0, le=MAX_CENTS)]


class DriftRequest(Strict, frozen=True):
    per_second: Annotated[float, Meta(gt=0, le=10_000)]
    seed: int = 0
    kinds: Annotated[list[DriftKind], Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["price", "availability", "add"]
    )


class FaultsRequest(Strict, frozen=True):
    rules: list[Rule]
    seed: int = 0


class Control:
    """Routes of the control API below /control."""

    def __init__(
        self,
        inventory: Inventory,
        trading: Trading,
        endpoint: Endpoint,
        behaviour: BehaviourHolder,
        faults: Faults,
        calls: CallLog,
    ) -> None:
        self._inventory = inventory
        self._trading = TradingControl(trading)
        self._endpoint = endpoint
        self._behaviour = behaviour
        self._changes = Changes(inventory)
        self._faults = faults
        self._calls = calls
        self.drift = Drift(self._changes)

    def application(self) -> Starlette:
        handlers = [
            ("GET", "stones", self.stones),
            ("GET", "summary", self.summary),
            ("POST", "change", self.change),
            ("POST", "add", self.add),
            ("POST", "remove", self.remove),
            ("POST", "bring-back", self.restore_removed),
            ("POST", "update", self.update),
            ("POST", "offer-again", self.add_offer),
            ("POST", "drift", self.start_drift),
            ("DELETE", "drift", self.stop_drift),
            ("POST", "faults", self.set_faults),
            ("DELETE", "faults", self.clear_faults),
            ("GET", "schema", self.schema),
            ("POST", "schema", self.set_schema),
            ("GET", "behaviour", self.behaviour),
            ("POST", "behaviour", self.set_behaviour),
            ("GET", "calls", self.report),
            ("DELETE", "calls", self.clear_calls),
            *self._trading.routes(),
        ]
        return Starlette(
            routes=[
                Route(f"/control/{name}", json_endpoint(handler), methods=[verb]) for verb, name, handler in handlers
            ],
            exception_handlers={HTTPException: error_response},
        )

    async def stones(self, request: Request) -> Any:
        offset = int_parameter(request, "offset", 0)
        return self._inventory.truth(offset, min(int_parameter(request, "limit", _PAGE), _LARGEST_PAGE))

    async def summary(self, _request: Request) -> Any:
        return self._inventory.summary()

    async def change(self, request: Request) -> Any:
        body = await read_body(request, Change)
        return {"ids": self._changes.change(body.count, body.seed, body.fields)}

    async def add(self, request: Request) -> Any:
        body = await read_body(request, Add)
        return {"ids": self._changes.add(body.count, body.seed)}

    async def remove(self, request: Request) -> Any:
        body = await read_body(request, Remove)
        if body.count is not None:
            return {"ids": self._changes.remove(body.count, body.seed)}
        return {"ids": self._changes.remove_by_ids(body.ids or ())}

    async def restore_removed(self, request: Request) -> Any:
        body = await read_body(request, BringBack)
        return {"ids": self._changes.restore_removed(body.ids)}

    async def update(self, request: Request) -> Any:
        body = await read_body(request, Update)
        identity = self._changes.restore(body.id) if body.restore else body.id
        if body.indexed is not None:
            self._changes.set_indexed(identity, indexed=body.indexed)
        return {"ids": [self._changes.update(identity, body.set) if body.set else identity]}

    async def add_offer(self, request: Request) -> Any:
        body = await read_body(request, OfferAgain)
        return {"ids": [body.id], "offer_id": self._changes.add_offer(body.id, body.price)}

    async def start_drift(self, request: Request) -> Any:
        body = await read_body(request, DriftRequest)
        await self.drift.start(body.per_second, body.seed, body.kinds)
        return {}

    async def stop_drift(self, _request: Request) -> Any:
        return await self.drift.stop()

    async def set_faults(self, request: Request) -> Any:
        body = await read_body(request, FaultsRequest)
        self._faults.set(body.rules, body.seed)
        return {}

    async def clear_faults(self, _request: Request) -> Any:
        self._faults.clear()
        return {}

    async def schema(self, _request: Request) -> Any:
        return self._endpoint.schema.options

    async def set_schema(self, request: Request) -> Any:
        self._endpoint.schema = ServedSchema(await read_body(request, SchemaOptions))
        return self._endpoint.schema.options

    async def behaviour(self, _request: Request) -> Any:
        return self._behaviour.now

    async def set_behaviour(self, request: Request) -> Any:
        self._behaviour.now = await read_body(request, Behaviour)
        return self._behaviour.now

    async def report(self, _request: Request) -> Any:
        return self._calls.report()

    async def clear_calls(self, _request: Request) -> Any:
        self._calls.clear()
        return {}
