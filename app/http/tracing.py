"""Trace context and access log: a trace id from `traceparent` for each request, its log lines and its response."""

import re
import secrets
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory.core.logging import get_logger
from inventory.core.telemetry import state
from inventory.core.telemetry.spans import request_span

log = get_logger()

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def new_trace_id() -> str:
    """Return a random W3C trace id, 32 hexadecimal digits."""
    return secrets.token_hex(16)


def trace_id_of(traceparent: str | None) -> str:
    """Return the trace id of a `traceparent` header, or a new trace id if the header is missing or malformed."""
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
        traceparent = next(
            (value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None
        )
        trace_id = trace_id_of(traceparent)
        status = 0

        async def traced_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message["headers"] = [*message["headers"], (b"x-request-id", trace_id.encode("ascii"))]
            await send(message)

        started = perf_counter()
        structlog.contextvars.bind_contextvars(trace_id=trace_id)
        try:
            if state.tracer is None:
                await self._app(scope, receive, traced_send)
            else:
                with request_span(scope["method"], trace_id, traceparent) as span:
                    await self._app(scope, receive, traced_send)
                    if span is not None:
                        span.set_attributes(
                            {
                                "http.request.method": scope["method"],
                                "url.path": scope["path"],
                                "http.response.status_code": status,
                            }
                        )
        finally:
            seconds = perf_counter() - started
            if state.metrics is not None:
                state.metrics.request(scope["method"], scope["path"], status, seconds)
            duration = round(seconds * 1000, 2)
            # The query is not logged: it holds the search terms of the client.
            log.info(
                "request_completed", method=scope["method"], path=scope["path"], status=status, duration_ms=duration
            )
            structlog.contextvars.unbind_contextvars("trace_id", "client_id")
