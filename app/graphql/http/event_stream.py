"""GraphQL as server-sent events, for clients that can't have a socket: one operation, one answer that goes on.

The distinct connections mode of https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, aclosing
from time import monotonic
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from app.auth.scopes import Principal
from app.graphql.http.connections import INVALID_KEY, Leave
from app.graphql.http.errors import FormattedError, format_inventory_error, unforeseen
from app.http.connections import streaming
from inventory.core.errors import InventoryError, Unauthenticated

EVENT_STREAM = "text/event-stream"
# So that no proxy takes a quiet stream for a dead one.
_KEEP_ALIVE_SECONDS = 15.0
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would collect it
]
_COMPLETE = b"event: complete\ndata:\n\n"

_encoder = msgspec.json.Encoder()

Answers = AsyncGenerator[bytes, None]


def wants_stream(connection: HTTPConnection[Any], *, subscribes: bool) -> bool:
    """Whether the caller asks for server-sent events. Stock clients accept them beside JSON, for what they subscribe to."""
    accepted = connection.headers.get("accept", "")
    return EVENT_STREAM in accepted and (subscribes or "json" not in accepted)


async def one(answer: bytes) -> Answers:
    """The answers to an operation that has a single one."""
    yield answer


async def refused(errors: Sequence[FormattedError]) -> Answers:
    """The answers to an operation that was not executed."""
    yield _encoder.encode({"errors": errors})


def whole(answer: bytes) -> bytes:
    """A stream that is over: its only answer and its end."""
    return _next(answer) + _COMPLETE


def _next(answer: bytes) -> bytes:
    return b"event: next\ndata: " + answer + b"\n\n"


class EventStream:
    """The response that holds answers, a `Guest` while it goes on."""

    def __init__(self, answers: Answers, principal: Principal, headers: Headers, seconds: float) -> None:
        """`headers`: with which the caller was let in. `seconds`: how long it may take to take something."""
        self._answers = answers
        self._seconds = seconds
        self._sending = asyncio.Lock()
        self._ended: asyncio.Future[Leave | None] = asyncio.get_running_loop().create_future()
        self.principal = principal
        self.headers = headers
        self.since = monotonic()
        # Closed when it has left.
        self.stays = ExitStack()

    # As a guest

    def idle_since(self) -> float | None:
        return None

    def dismiss(self, leave: Leave) -> None:
        self._end(leave)

    # As a response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.stays, streaming(scope):
            async with aclosing(self._answers):
                await self._stream(receive, send)

    async def _stream(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        tasks = [
            asyncio.create_task(task)
            for task in (self._pump(send), self._keep_alive(send), self._wait_for_end(receive))
        ]
        try:
            leave = await self._ended
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if leave is INVALID_KEY:
            await self._finish(send, [format_inventory_error(Unauthenticated(f"{leave.reason}."))])
        # Where the stream ends without having been completed the client comes back, and goes on elsewhere.
        await self._send(send, b"", more=False)

    async def _pump(self, send: Send) -> None:
        errors: list[FormattedError] = []
        try:
            async for answer in self._answers:
                await self._send(send, _next(answer))
        except InventoryError as error:
            errors = [format_inventory_error(error)]
        except Exception as error:  # noqa: BLE001 - logged there; nothing of it may reach the client
            errors = [format_inventory_error(unforeseen(error))]
        await self._finish(send, errors)
        self._end(None)

    async def _finish(self, send: Send, errors: Sequence[FormattedError]) -> None:
        if errors:
            await self._send(send, _next(_encoder.encode({"errors": errors})))
        await self._send(send, _COMPLETE)

    async def _keep_alive(self, send: Send) -> None:
        while True:
            await asyncio.sleep(_KEEP_ALIVE_SECONDS)
            await self._send(send, b":\n\n")

    async def _wait_for_end(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._end(None)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        try:
            async with self._sending, asyncio.timeout(self._seconds):
                await send({"type": "http.response.body", "body": body, "more_body": more})
        except (TimeoutError, OSError):
            self._end(None)

    def _end(self, leave: Leave | None) -> None:
        if not self._ended.done():
            self._ended.set_result(leave)
