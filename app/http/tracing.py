"""One trace id per request: taken from `traceparent`, put on every log line and on the answer; and the access log."""

import re
import secrets
from time import perf_counter

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory.core.logging import get_logger

log = get_logger()

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def new_trace_id() -> str:
    """32 hexadecimal digits, as W3C Trace Context has them."""
    return secrets.token_hex(16)


def trace_id_of(traceparent: str | None) -> str:
    """The trace id that a caller sent, or a new one where there is none or it is malformed."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    return match["trace_id"] if match else new_trace_id()


class Tracing:
    """ASGI middleware: traces and logs each request. The authentication binds `client_id` to the same context."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace_id = trace_id_of(Headers(scope=scope).get("traceparent"))
        status = 0

        async def traced_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                MutableHeaders(scope=message)["X-Request-Id"] = trace_id
            await send(message)

        started = perf_counter()
        structlog.contextvars.bind_contextvars(trace_id=trace_id)
        try:
            await self._app(scope, receive, traced_send)
        finally:
            duration = round((perf_counter() - started) * 1000, 2)
            # The path without its query: what a client searches for is its own business.
            log.info("request", method=scope["method"], path=scope["path"], status=status, duration_ms=duration)
            structlog.contextvars.unbind_contextvars("trace_id", "client_id")
