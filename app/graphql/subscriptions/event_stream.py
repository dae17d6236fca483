"""GraphQL over server-sent events, for clients that cannot use WebSockets.

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
from app.graphql.execution.errors import FormattedError, format_inventory_error, unforeseen
from app.graphql.subscriptions.connections import INVALID_KEY, CloseReason
from app.http.connections import streaming
from inventory.core.errors import InventoryError, Unauthenticated

EVENT_STREAM = "text/event-stream"
# Proxies close connections that are idle for longer.
_KEEP_ALIVE_SECONDS = 15.0
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # disables buffering in nginx
]
_COMPLETE = b"event: complete\ndata:\n\n"

_encoder = msgspec.json.Encoder()

Answers = AsyncGenerator[bytes, None]


def wants_stream(connection: HTTPConnection[Any], *, subscribes: bool) -> bool:
    """Whether the client requests server-sent events. Common clients accept them in addition to JSON, for subscriptions."""
    accepted = connection.headers.get("accept", "")
    return EVENT_STREAM in accepted and (subscribes or "json" not in accepted)


async def single_answer(answer: bytes) -> Answers:
    """Stream of a single answer."""
    yield answer


async def error_answer(errors: Sequence[FormattedError]) -> Answers:
    """Stream that reports why the operation was not executed."""
    yield _encoder.encode({"errors": errors})


def complete_stream(answer: bytes) -> bytes:
    """A complete stream of one answer."""
    return _next(answer) + _COMPLETE


def _next(answer: bytes) -> bytes:
    return b"event: next\ndata: " + answer + b"\n\n"


class EventStream:
    """Streaming response of an operation; a `ClientConnection` while it runs."""

    def __init__(self, answers: Answers, principal: Principal, headers: Headers, seconds: float) -> None:
        """`headers`: those that authenticated the client. `seconds`: time limit for each send."""
        self._answers = answers
        self._seconds = seconds
        self._sending = asyncio.Lock()
        self._ended: asyncio.Future[CloseReason | None] = asyncio.get_running_loop().create_future()
        self.principal = principal
        self.headers = headers
        self.since = monotonic()
        # Closed when the stream ends.
        self.resources = ExitStack()

    # ClientConnection

    def idle_since(self) -> float | None:
        return None

    def close(self, reason: CloseReason) -> None:
        self._end(reason)

    # ASGI response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.resources, streaming(scope):
            async with aclosing(self._answers):
                await self._stream(receive, send)

    async def _stream(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        tasks = [
            asyncio.create_task(task)
            for task in (self._pump(send), self._keep_alive(send), self._wait_for_end(receive))
        ]
        try:
            reason = await self._ended
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if reason is INVALID_KEY:
            await self._finish(send, [format_inventory_error(Unauthenticated(f"{reason.text}."))])
        # Clients reconnect after a stream that ends without `complete`.
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

    def _end(self, reason: CloseReason | None) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)
