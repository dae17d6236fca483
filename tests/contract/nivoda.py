"""Scripted supplier: each response is defined by the test. Includes a limiter that only counts."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from inventory.core.settings import Settings

PASSWORD = "correct horse battery staple"
Act = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ScriptedSupplier:
    """Answers each operation with the next action of the script, and counts 7 stones after its end."""

    def __init__(self) -> None:
        self.script: deque[Act] = deque()
        self.login_script: deque[Act] = deque()
        self.asked: list[dict[str, Any]] = []
        self.logins = 0
        self.introspections = 0
        self.introspection: Act = errors("GraphQL introspection is not allowed.")
        self.valid: set[str] = set()
        self.connections: set[object] = set()
        self.endpoint = ""
        self.expires: Any = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.connections.add(request.transport)
        asked = json.loads(await request.read())
        if "__schema" in asked["query"]:
            self.introspections += 1
            return await self.introspection(request)
        if "authenticate" in asked["query"]:
            return await self._log_in(request, asked["variables"])
        self.asked.append(asked)
        if self.script:
            return await self.script.popleft()(request)
        if asked["variables"]["token"] not in self.valid:
            return _json({"data": None, "errors": [{"message": "Unauthorized: invalid or expired token"}]})
        return _json({"data": {"as": {"diamonds_by_query_count": 7}}})

    async def _log_in(self, request: web.Request, variables: dict[str, str]) -> web.StreamResponse:
        self.logins += 1
        if self.login_script:
            return await self.login_script.popleft()(request)
        if variables["password"] != PASSWORD:
            return _json({"data": None, "errors": [{"message": "Wrong username or password"}]})
        # Long enough for all concurrent logins to arrive.
        await asyncio.sleep(0.02)
        token = f"token-{self.logins}-of-many"
        self.valid.add(token)
        session = {"token": token, "expires": self.expires}
        return _json({"data": {"authenticate": {"username_and_password": session}}})


class CountingLimiter:
    """Grants every request immediately and counts them."""

    def __init__(self) -> None:
        self.turns = 0
        self.pauses: list[float] = []

    async def acquire(self) -> None:
        self.turns += 1

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@asynccontextmanager
async def scripted_supplier() -> AsyncIterator[ScriptedSupplier]:
    """A scripted supplier on a free port."""
    supplier = ScriptedSupplier()
    app = web.Application()
    app.router.add_post("/api/diamonds", supplier.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    supplier.endpoint = f"http://{host}:{port}/api/diamonds"
    try:
        yield supplier
    finally:
        await runner.cleanup()


def account(endpoint: str, **others: Any) -> Settings:
    """Supplier settings with short delays."""
    quick = {"nivoda_username": "me@example.com", "nivoda_password": PASSWORD, "nivoda_backoff_seconds": 0.001}
    return Settings.read(nivoda_endpoint=endpoint, **{**quick, **others})


def status(code: int, **headers: str) -> Act:
    async def act(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers=headers, text="busy, sorry")

    return act


def page_of_html(code: int) -> Act:
    """Respond as a web application firewall or a proxy does."""

    async def act(_request: web.Request) -> web.StreamResponse:
        text = "<!DOCTYPE html><html><head><title>Access denied</title></head></html>"
        return web.Response(status=code, text=text, content_type="text/html")

    return act


def refusal(status_code: int, message: str, **extensions: Any) -> Act:
    """Respond with an error status and a GraphQL body."""

    async def act(_request: web.Request) -> web.StreamResponse:
        body = {"errors": [{"message": message, "extensions": extensions}]}
        return web.json_response(body, status=status_code)

    return act


def answer(body: bytes | dict[str, Any]) -> Act:
    async def act(_request: web.Request) -> web.StreamResponse:
        return _json(body)

    return act


def errors(message: str, data: Any = None) -> Act:
    return answer({"data": data, "errors": [{"message": message}]})


async def reset(request: web.Request) -> web.StreamResponse:
    """Drop the connection instead of a response."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def stall(_request: web.Request) -> web.StreamResponse:
    """Respond later than every timeout."""
    await asyncio.sleep(60)
    return web.Response()


async def stall_in_the_body(request: web.Request) -> web.StreamResponse:
    """Send the head and the start of the body, then nothing more."""
    response = await _begin(request, b'{"data": {"as": ')
    await asyncio.sleep(60)
    return response


async def break_off(request: web.Request) -> web.StreamResponse:
    """Send less than the Content-Length."""
    response = await _begin(request, b'{"data": {"as": ')
    assert request.transport is not None
    request.transport.close()
    return response


async def _begin(request: web.Request, part: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(part)
    return response


def _json(body: bytes | dict[str, Any]) -> web.Response:
    return web.Response(
        body=body if isinstance(body, bytes) else json.dumps(body).encode(), content_type="application/json"
    )
