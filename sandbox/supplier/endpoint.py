"""The API endpoint as an ASGI application: HTTP requests, HTTP responses, and the faults between them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from sandbox.supplier.accounts import Accounts
from sandbox.supplier.answers import Answers
from sandbox.supplier.call import Call
from sandbox.supplier.calls import Calls
from sandbox.supplier.documents import Documents, Invalid
from sandbox.supplier.faults import BEFORE, Faults, Rule
from sandbox.supplier.media import PATH as MEDIA_PATH
from sandbox.supplier.media import Media
from sandbox.supplier.served_schema import ServedSchema

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH = "/api/diamonds"
RESET = "sandbox.reset"
"""The ASGI extension by which a server lets an application cut the connection."""

_MAX_BYTES = 1 << 20
_HTML = b"<html><body>upstream error</body></html>"
_OK, _BAD_REQUEST, _NOT_FOUND, _NOT_ALLOWED, _TOO_LARGE = 200, 400, 404, 405, 413


class Request(msgspec.Struct, rename={"operation_name": "operationName"}):
    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


class Gone(Exception):
    """The client hung up."""


class Endpoint:
    """Reads a request, lets faults strike, answers."""

    def __init__(
        self,
        schema: ServedSchema,
        answers: Answers,
        accounts: Accounts,
        faults: Faults,
        calls: Calls,
        media: Media,
    ) -> None:
        self._documents = Documents(schema)
        self._answers = answers
        self._accounts = accounts
        self._faults = faults
        self._calls = calls
        self._media = media

    @property
    def schema(self) -> ServedSchema:
        """The schema in force; the next request meets another one that is set."""
        return self._documents.schema

    @schema.setter
    def schema(self, schema: ServedSchema) -> None:
        self._documents = Documents(schema)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the endpoint speaks HTTP only, not {scope['type']}")
        if scope["path"].startswith(MEDIA_PATH) and scope["method"] in {"GET", "HEAD"}:
            await self._show(scope, send)
            return
        if scope["path"] != PATH:
            await _respond(send, _NOT_FOUND, _errors(f"The API is at {PATH}"))
            return
        if scope["method"] != "POST":
            await _respond(send, _NOT_ALLOWED, _errors("POST a JSON object with a query"))
            return
        self._calls.arrived()
        try:
            body = await _read(receive)
        except Gone:
            self._calls.ended((), "gone")
            return
        if body is None:
            self._calls.ended((), "malformed")
            await _respond(send, _TOO_LARGE, _errors(f"A request may have {_MAX_BYTES} bytes"))
            return
        await self._handle(scope, body, receive, send)

    async def _show(self, scope: Scope, send: Send) -> None:
        """Serve a picture, a film or a certificate; it is no call of the API."""
        found = self._media.find(scope["path"])
        if found is None:
            await _respond(send, _NOT_FOUND, _errors("No stone has a medium at this address"))
            return
        body = b"" if scope["method"] == "HEAD" else found.body
        await _write(send, _OK, body, found.media_type.encode(), [(b"cache-control", b"public, max-age=3600")])

    async def _handle(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        try:
            request = msgspec.json.decode(body, type=Request)
        except msgspec.MsgspecError as error:
            self._calls.ended((), "malformed")
            await _respond(send, _BAD_REQUEST, _errors(f"The request can't be read: {error}"))
            return
        try:
            operation = self._documents.operation(request.query, request.operation_name)
            call = Call(operation, request.variables or {}, _bearer(scope))
        except Invalid as error:
            self._calls.rejected(error.errors, request.query, request.variables)
            await _respond(send, _BAD_REQUEST, {"errors": error.errors})
            return
        names = call.names()
        call.struck = self._faults.strike(names)
        ending = call.struck.ending
        if ending is not None and ending.kind in BEFORE and not ending.executed:
            self._calls.ended(names, _outcome(ending))
            await _refuse(send, ending)
            return
        if ending is not None and ending.kind == "token":
            for token in call.tokens():
                self._accounts.revoke(token)
        answer = _encode(self._answers.answer(call))
        if ending is None or ending.kind == "token":
            self._calls.ended(names, "token" if call.unauthorized else "errors" if call.errors else "ok")
            await _write(send, ending.http_status if ending is not None and call.unauthorized else _OK, answer)
        else:
            self._calls.ended(names, _outcome(ending))
            await _end_badly(ending, answer, scope, receive, send)


def _outcome(ending: Rule) -> str:
    return f"status_{ending.http_status}" if ending.kind == "status" else ending.kind


async def _end_badly(rule: Rule, answer: bytes, scope: Scope, receive: Receive, send: Send) -> None:
    """The call has taken effect; what the client learns of it is another matter."""
    match rule.kind:
        case "status" | "rate_limit" | "internal_error":
            await _refuse(send, rule)
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
    """The whole body; None if it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
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


async def _refuse(send: Send, rule: Rule) -> None:
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
        # Only this writer writes lone surrogates and integers beyond 64 bits, which a fault or a stored text may have.
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
