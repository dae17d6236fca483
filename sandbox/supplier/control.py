"""The control port: the truth about the feed, and the means to change it, to spoil it, and to see what was asked."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.supplier.calls import Calls
from sandbox.supplier.changes import Changes, DriftKind, Field
from sandbox.supplier.drift import Drift
from sandbox.supplier.faults import Faults, Rule
from sandbox.supplier.inventory import Inventory

Model = TypeVar("Model")
Count = Annotated[int, Meta(ge=1, le=1_000_000)]

_PAGE, _LARGEST_PAGE = 1_000, 100_000


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request body that has only the fields it should have."""


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
            raise ValueError("say either how many (count) or which (ids)")


class BringBack(Strict, frozen=True):
    ids: Annotated[list[str], Meta(min_length=1)]


class Update(Strict, frozen=True):
    """`set`: values to show, see `Changes.update`. `restore`: first be clean again."""

    id: str
    set: dict[str, Any] = {}
    restore: bool = False

    def __post_init__(self) -> None:
        if not self.set and not self.restore:
            raise ValueError("say what to set, or restore")


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
    """The routes below /control."""

    def __init__(self, inventory: Inventory, faults: Faults, calls: Calls) -> None:
        self._inventory = inventory
        self._changes = Changes(inventory)
        self._faults = faults
        self._calls = calls
        self.drift = Drift(self._changes)

    def application(self) -> Starlette:
        handlers: list[tuple[str, str, Callable[[Request], Awaitable[Any]]]] = [
            ("GET", "stones", self.stones),
            ("GET", "summary", self.summary),
            ("POST", "change", self.change),
            ("POST", "add", self.add),
            ("POST", "remove", self.remove),
            ("POST", "bring-back", self.bring_back),
            ("POST", "update", self.update),
            ("POST", "drift", self.start_drift),
            ("DELETE", "drift", self.stop_drift),
            ("POST", "faults", self.set_faults),
            ("DELETE", "faults", self.clear_faults),
            ("GET", "calls", self.report),
            ("DELETE", "calls", self.clear_calls),
        ]
        return Starlette(
            routes=[Route(f"/control/{name}", _json(handler), methods=[verb]) for verb, name, handler in handlers],
            exception_handlers={HTTPException: _refusal},
        )

    async def stones(self, request: Request) -> Any:
        offset = _number(request, "offset", 0)
        return self._inventory.truth(offset, min(_number(request, "limit", _PAGE), _LARGEST_PAGE))

    async def summary(self, _request: Request) -> Any:
        return self._inventory.summary()

    async def change(self, request: Request) -> Any:
        wanted = await _body(request, Change)
        return {"ids": self._changes.change(wanted.count, wanted.seed, wanted.fields)}

    async def add(self, request: Request) -> Any:
        wanted = await _body(request, Add)
        return {"ids": self._changes.add(wanted.count, wanted.seed)}

    async def remove(self, request: Request) -> Any:
        wanted = await _body(request, Remove)
        if wanted.count is not None:
            return {"ids": self._changes.remove(wanted.count, wanted.seed)}
        return {"ids": self._changes.remove_these(wanted.ids or ())}

    async def bring_back(self, request: Request) -> Any:
        wanted = await _body(request, BringBack)
        return {"ids": self._changes.bring_back(wanted.ids)}

    async def update(self, request: Request) -> Any:
        wanted = await _body(request, Update)
        identity = self._changes.restore(wanted.id) if wanted.restore else wanted.id
        return {"ids": [self._changes.update(identity, wanted.set) if wanted.set else identity]}

    async def start_drift(self, request: Request) -> Any:
        wanted = await _body(request, DriftRequest)
        await self.drift.start(wanted.per_second, wanted.seed, wanted.kinds)
        return {}

    async def stop_drift(self, _request: Request) -> Any:
        return await self.drift.stop()

    async def set_faults(self, request: Request) -> Any:
        wanted = await _body(request, FaultsRequest)
        self._faults.set(wanted.rules, wanted.seed)
        return {}

    async def clear_faults(self, _request: Request) -> Any:
        self._faults.clear()
        return {}

    async def report(self, _request: Request) -> Any:
        return self._calls.report()

    async def clear_calls(self, _request: Request) -> Any:
        self._calls.clear()
        return {}


def _json(handler: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            answer = await handler(request)
        except KeyError as error:
            raise HTTPException(400, str(error.args[0])) from error
        return Response(msgspec.json.encode(answer), media_type="application/json")

    return endpoint


async def _refusal(_request: Request, error: Exception) -> Response:
    status, message = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, str(error))
    return Response(msgspec.json.encode({"error": message}), status, media_type="application/json")


async def _body(request: Request, model: type[Model]) -> Model:
    # The standard decoder lets through what no other does: lone surrogates, integers beyond 64 bits.
    try:
        body = json.loads(await request.body())
        json.dumps(body, allow_nan=False)  # what is set here is served again, and must be JSON then
        return msgspec.convert(body, model)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise HTTPException(400, f"The request can't be read: {error}") from error


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise HTTPException(400, f"{name} must be a whole number, not {text!r}")
    return int(text)
