"""Back end of the shop. It holds the API key, sets the reference of each shopper, and sends only the operations of the shop."""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from examples.storefront.api import Api, ApiError
from examples.storefront.events import Events
from examples.storefront.shoppers import reference_of, visible_to

_PAGES = Path(__file__).parent / "public"
_COOKIE = "shopper"
_SHOPPER = re.compile(r"[0-9a-f]{32}")
_MAX_BYTES = 16_384
_READABLE = {"search": "Search", "facets": "Facets", "diamonds": "Diamonds"}
# Pictures and 360-degree views are served by the supplier; all other content by this server.
_MEDIA = "https: http://127.0.0.1:* http://localhost:*"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    f"img-src 'self' data: {_MEDIA}; frame-src {_MEDIA}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

Json = dict[str, Any]
Action = Callable[[str, Json], Awaitable[Any]]


class Shop:
    """Actions of browsers. Each method takes the shopper and the request body."""

    def __init__(self, api: Api) -> None:
        self.events = Events(api)
        self._api = api
        self._destination: str | None = None

    def actions(self) -> dict[str, Action]:
        """Allowed actions by name."""
        reads = {path: self._read_action(operation) for path, operation in _READABLE.items()}
        return {**reads, "hold": self.hold, "release": self.release, "buy": self.buy, "mine": self.mine}

    def _read_action(self, operation: str) -> Action:
        async def read(shopper: str, variables: Json) -> Any:
            return visible_to(reference_of(shopper), await self._api.execute(operation, variables))

        return read

    async def hold(self, shopper: str, body: Json) -> Any:
        """Place a hold for this shopper. The API rejects it if another shopper holds the diamond."""
        hold_input = {"diamondId": _text(body, "diamondId"), "reference": reference_of(shopper)}
        return (await self._api.execute("Hold", {"input": hold_input}))["holdCreate"]

    async def release(self, shopper: str, body: Json) -> Any:
        """Release a hold of this shopper."""
        hold_input = {"holdId": _text(body, "holdId"), "reference": reference_of(shopper)}
        return (await self._api.execute("Release", {"input": hold_input}))["holdRelease"]

    async def buy(self, shopper: str, body: Json) -> Any:
        """Buy a diamond at the displayed price, unless another shopper holds it."""
        request = {
            "diamondId": _text(body, "diamondId"),
            "expectedPrice": body.get("expectedPrice"),
            # The browser chooses the key, so the reference makes it unique to the shopper.
            "idempotencyKey": f"{reference_of(shopper)}-{_text(body, 'idempotencyKey')}",
            "destinationId": await self._destination_id(),
            "reference": reference_of(shopper),
        }
        return (await self._api.execute("Buy", {"input": request}))["diamondPurchase"]

    async def mine(self, shopper: str, _body: Json) -> Any:
        """List the holds and purchases of this shopper. Purchases contain a snapshot of the diamond."""
        reference = reference_of(shopper)
        found = await self._api.execute("Mine", {"reference": reference})
        return visible_to(reference, {name: found[name]["nodes"] for name in ("holds", "purchases")})

    async def _destination_id(self) -> str:
        """Destination of every order: the first location of the account, from which the shop forwards the diamond."""
        if self._destination is None:
            (first, *_) = (await self._api.execute("Start", {}))["destinations"]
            self._destination = first["id"]
        return self._destination


def create_shop(url: str, key: str) -> Starlette:
    """Create the shop application for the API at `url`. `key`: the API key."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as session:
            app.state.shop = Shop(Api(session, url, key))
            follow_task = asyncio.create_task(app.state.shop.events.follow())
            try:
                yield
            finally:
                follow_task.cancel()
                with suppress(asyncio.CancelledError):
                    await follow_task

    return Starlette(
        routes=[
            Route("/", _to_shop),
            Route("/shop", _page),
            Route("/shop/", _page),
            Route("/shop/api/{action}", _handle_action, methods=["POST"]),
            Route("/shop/events", _stream),
            Mount("/shop", StaticFiles(directory=_PAGES)),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: _error_response},
    )


async def _to_shop(_request: Request) -> Response:
    return RedirectResponse("/shop")


async def _page(request: Request) -> Response:
    """Return the page with a cookie that identifies the shopper. Scripts cannot read the cookie."""
    response = Response(
        (_PAGES / "index.html").read_bytes(),
        media_type="text/html",
        headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"},
    )
    if _shopper(request) is None:
        response.set_cookie(_COOKIE, secrets.token_hex(16), path="/shop", httponly=True, samesite="strict")
    return response


async def _handle_action(request: Request) -> Response:
    shop: Shop = request.app.state.shop
    action = shop.actions().get(request.path_params["action"])
    shopper = _shopper(request)
    if action is None:
        raise HTTPException(404, "There is no such action.")
    if shopper is None:
        raise HTTPException(403, "Open /shop first: this request has no shopper.")
    # CSRF protection: a form of another origin cannot send this type, and the cookie is not sent from there.
    if request.headers.get("content-type") != "application/json":
        raise HTTPException(415, "Send application/json.")
    try:
        return JSONResponse(await action(shopper, await _body(request)))
    except ApiError as error:
        raise HTTPException(502, str(error)) from error


async def _body(request: Request) -> Json:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MAX_BYTES:
            raise HTTPException(413, "The request is too large.")
    try:
        body = json.loads(content or b"{}")
    except ValueError as error:
        raise HTTPException(400, "The request is not JSON.") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "The request must be a JSON object.")
    return body


async def _stream(request: Request) -> Response:
    """Stream events as server-sent events."""
    shop: Shop = request.app.state.shop
    reference = reference_of(_shopper(request) or "")

    async def lines() -> AsyncIterator[str]:
        yield ": connected\n\n"
        with shop.events.window() as events:
            async for event in events:
                shown = visible_to(reference, event)
                yield ": nothing\n\n" if event is None else f"data: {json.dumps(shown)}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _shopper(request: Request) -> str | None:
    value = request.cookies.get(_COOKIE, "")
    return value if _SHOPPER.fullmatch(value) else None


async def _error_response(_request: Request, error: Exception) -> Response:
    status, message = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "An error.")
    return JSONResponse({"error": message}, status)


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise HTTPException(400, f"{name} is missing.")
    return value
