"""API endpoint (ASGI): GraphQL over HTTP, media, and injected faults."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from sandbox.supplier.accounts import Accounts
from sandbox.supplier.call import Call
from sandbox.supplier.call_log import CallLog
from sandbox.supplier.documents import Documents, Invalid
from sandbox.supplier.executor import Executor
from sandbox.supplier.faults import BEFORE_EXECUTION, Faults, Rule
from sandbox.supplier.media import PATH as MEDIA_PATH
from sandbox.supplier.media import Media
from sandbox.supplier.served_schema import ServedSchema

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH = "/api/diamonds"
RESET = "sandbox.reset"
"""ASGI extension: a function that resets the connection."""

_MAX_BYTES = 1 << 20
_HTML = b"<html><body>upstream error</body></html>"
_OK, _BAD_REQUEST, _NOT_FOUND, _NOT_ALLOWED, _TOO_LARGE = 200, 400, 404, 405, 413


class Request(msgspec.Struct, rename={"operation_name": "operationName"}):
    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


class ClientDisconnected(Exception):
    """The client has closed the connection."""


class Endpoint:
    """ASGI application: reads a request, applies fault rules, and sends the response."""

    def __init__(
        self,
        schema: ServedSchema,
        executor: Executor,
        accounts: Accounts,
        faults: Faults,
        calls: CallLog,
        media: Media,
    ) -> None:
        self._documents = Documents(schema)
        self._executor = executor
        self._accounts = accounts
        self._faults = faults
        self._calls = calls
        self._media = media

    @property
    def schema(self) -> ServedSchema:
        """The served schema. A change applies from the next request."""
        return self._documents.schema

    @schema.setter
    def schema(self, schema: ServedSchema) -> None:
        self._documents = Documents(schema)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the endpoint supports HTTP only, not {scope['type']}")
        if scope["path"].startswith(MEDIA_PATH) and scope["method"] in {"GET", "HEAD"}:
            await self._serve_media(scope, send)
            return
        if scope["path"] != PATH:
            await _respond(send, _NOT_FOUND, _errors(f"Not found. Send requests to {PATH}"))
            return
        if scope["method"] != "POST":
            await _respond(
                send,
                _NOT_ALLOWED,
                _errors("Method not allowed. Send a POST request with a JSON object that contains a query"),
            )
            return
        self._calls.count_request()
        try:
            body = await _read(receive)
        except ClientDisconnected:
            self._calls.count_outcome((), "gone")
            return
        if body is None:
            self._calls.count_outcome((), "malformed")
            await _respond(send, _TOO_LARGE, _errors(f"The request is larger than {_MAX_BYTES} bytes"))
            return
        await self._handle(scope, body, receive, send)

    async def _serve_media(self, scope: Scope, send: Send) -> None:
        """Serve a picture, a film or a certificate. The call log does not count it."""
        found = self._media.find(scope["path"])
        if found is None:
            await _respond(send, _NOT_FOUND, _errors("Not found. No stone has media at this address"))
            return
        body = b"" if scope["method"] == "HEAD" else found.body
        await _write(send, _OK, body, found.media_type.encode(), [(b"cache-control", b"public, max-age=3600")])

    async def _handle(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        try:
            request = msgspec.json.decode(body, type=Request)
        except msgspec.MsgspecError as error:
            self._calls.count_outcome((), "malformed")
            await _respond(send, _BAD_REQUEST, _errors(f"The request is not valid: {error}"))
            return
        try:
            operation = self._documents.operation(request.query, request.operation_name)
            call = Call(operation, request.variables or {}, _bearer(scope))
        except Invalid as error:
            self._calls.record_rejected(error.errors, request.query, request.variables)
            await _respond(send, _BAD_REQUEST, {"errors": error.errors})
            return
        names = call.operation_names()
        call.fired = self._faults.draw_rules(names)
        terminal = call.fired.terminal
        if terminal is not None and terminal.kind in BEFORE_EXECUTION and not terminal.executed:
            self._calls.count_outcome(names, _outcome(terminal))
            await _send_error(send, terminal)
            return
        if terminal is not None and terminal.kind == "token":
            for token in call.tokens():
                self._accounts.revoke(token)
        answer = _encode(self._executor.execute(call))
        if terminal is None or terminal.kind == "token":
            self._calls.count_outcome(names, "token" if call.unauthorized else "errors" if call.errors else "ok")
            await _write(send, terminal.http_status if terminal is not None and call.unauthorized else _OK, answer)
        else:
            self._calls.count_outcome(names, _outcome(terminal))
            await _send_fault(terminal, answer, scope, receive, send)


def _outcome(terminal: Rule) -> str:
    return f"status_{terminal.http_status}" if terminal.kind == "status" else terminal.kind


async def _send_fault(rule: Rule, answer: bytes, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the response of a terminal fault after the call took effect: an error, a reset, half a body, or late."""
    match rule.kind:
        case "status" | "rate_limit" | "internal_error":
            await _send_error(send, rule)
        case "reset":
            scope["extensions"][RESET]()
        case "truncate":
            await _write(send, _OK, answer[: len(answer) // 2])
        case _:
            gone = asyncio.ensure_future(receive())
            try:
                await asyncio.wait([gone], timeout=rule.seconds)
                if not gone.done():
                    await _write(send, _OK, answer)
            finally:
                gone.cancel()


async def _read(receive: Receive) -> bytes | None:
    """Read the request body. Returns None if it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        body += message.get("body", b"")
        if len(body) > _MAX_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _bearer(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if scheme.lower() == "bearer" else None
    return None


async def _send_error(send: Send, rule: Rule) -> None:
    headers = [] if rule.retry_after is None else [(b"retry-after", str(rule.retry_after).encode())]
    if rule.kind == "status" and rule.html:
        await _write(send, rule.http_status, _HTML, b"text/html", headers)
    else:
        body = msgspec.json.encode({"errors": [rule.entry], "data": None})
        await _write(send, rule.http_status, body, headers=headers)


def _errors(message: str) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]}


def _encode(answer: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(answer)
    except (ValueError, OverflowError):
        # A fault or a stored text may have lone surrogates or integers beyond 64 bits, which only this encoder accepts.
        return json.dumps(answer).encode()


async def _respond(send: Send, status: int, body: Any) -> None:
    await _write(send, status, msgspec.json.encode(body))


async def _write(
    send: Send,
    status: int,
    body: bytes,
    content_type: bytes = b"application/json; charset=utf-8",
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    length = str(len(body)).encode()
    all_headers = [(b"content-type", content_type), (b"content-length", length), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body})
