"""GraphQL over WebSocket, protocol `graphql-transport-ws`.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from time import monotonic
from typing import Any

import msgspec
import structlog
from graphql import OperationType
from starlette.datastructures import Headers
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.auth.scopes import Principal
from app.graphql.execution.errors import FormattedError, format_inventory_error, unforeseen
from app.graphql.execution.operation import GraphQLOperation
from app.graphql.execution.request import GraphQLRequest, RequestRefused, read_members
from app.graphql.execution.request_pipeline import RequestPipeline
from app.graphql.execution.response import execute
from app.graphql.subscriptions.connections import CloseReason, TooManySockets, TooManySubscriptions
from app.graphql.subscriptions.state import GraphQLState
from app.graphql.subscriptions.subscription_manager import SubscriptionRefused
from app.http.connections import authenticate
from app.http.tracing import trace_id_of
from inventory.core.errors import BadRequest, Forbidden, InventoryError, RateLimited, Unauthenticated, Unavailable
from inventory.core.json_depth import REQUEST_LEVELS, exceeds_depth
from inventory.core.logging import get_logger
from inventory.core.settings import Settings

log = get_logger()

PROTOCOL = "graphql-transport-ws"
_MAX_ID_LENGTH = 256
# Members of the first message that may contain a key, and the header that each replaces.
_CREDENTIALS = {"apikey": "x-api-key", "x-api-key": "x-api-key", "authorization": "authorization"}
_KEYS = frozenset(header.encode() for header in _CREDENTIALS.values())
_CLOSE_SECONDS = 1.0
_SLOW = CloseReason(1013, "Too slow; connect again and resume after the last cursor")
_GONE = CloseReason(1005, "The client disconnected")


class _Message(msgspec.Struct):
    """A message of the protocol."""

    type: str
    id: str | None = None
    payload: Any = None


_decoder = msgspec.json.Decoder(_Message)
_encoder = msgspec.json.Encoder()


class _SocketClosed(Exception):
    """Ends the session with a close reason."""

    def __init__(self, reason: CloseReason) -> None:
        super().__init__(reason.text)
        self.reason = reason


class WebSocketEndpoint:
    """Endpoint for the WebSockets of one process."""

    def __init__(self, settings: Settings, pipeline: RequestPipeline) -> None:
        self._settings = settings
        self._pipeline = pipeline

    async def serve(self, websocket: WebSocket[GraphQLState]) -> None:
        """Serve a socket until it ends."""
        with structlog.contextvars.bound_contextvars(trace_id=trace_id_of(websocket.headers.get("traceparent"))):
            if not self._origin_allowed(websocket):
                await websocket.close()  # before it is accepted: 403
                return
            if PROTOCOL not in websocket.scope["subprotocols"]:
                await websocket.accept()
                await websocket.close(4406, "Subprotocol not acceptable")
                return
            await websocket.accept(PROTOCOL)
            began = monotonic()
            socket = WebSocketSession(websocket, self._settings, self._pipeline)
            reason = await socket.serve()
            log.info(
                "websocket_closed",
                client_id=socket.client_id,
                code=reason.code,
                reason=reason.text,
                duration_s=round(monotonic() - began, 1),
            )

    def _origin_allowed(self, websocket: WebSocket[GraphQLState]) -> bool:
        """Whether a page of this origin may connect. A client without an origin is not a browser."""
        origin = websocket.headers.get("origin")
        here = websocket.headers.get("host", "").lower()
        if origin is None or self._settings.allows_origin(origin) or origin.lower().partition("://")[2] == here:
            return True
        log.info("websocket_rejected", origin=origin[:100])
        return False


class WebSocketSession:
    """Session of one WebSocket; a `ClientConnection` once it is authenticated."""

    def __init__(self, websocket: WebSocket[GraphQLState], settings: Settings, pipeline: RequestPipeline) -> None:
        self._websocket = websocket
        self._settings = settings
        self._pipeline = pipeline
        self._subscriptions = websocket.state["subscriptions"]
        self._connections = websocket.state["connections"]
        self._sending = asyncio.Lock()
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._ended: asyncio.Future[CloseReason] = asyncio.get_running_loop().create_future()
        self._last_active = monotonic()
        self.since = monotonic()
        self.client_id: str | None = None

    # ClientConnection

    def idle_since(self) -> float | None:
        return None if self._operations else self._last_active

    def close(self, reason: CloseReason) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)

    # Lifecycle

    async def serve(self) -> CloseReason:
        """Serve the socket and return the reason of its end."""
        listening = asyncio.create_task(self._listen())
        try:
            reason = await self._ended
        finally:
            tasks = [listening, *self._operations.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if reason is not _GONE:
            with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._websocket.close(reason.code, reason.text)
        return reason

    async def _listen(self) -> None:
        try:
            self.principal, self.headers = await self._authenticate()
            self.client_id = self.principal.client_id
            with self._connections.registered(self):
                authenticate(self._websocket.scope)
                await self._send(type="connection_ack")
                while True:
                    await self._handle(await self._receive())
        except _SocketClosed as closed:
            self.close(closed.reason)
        except (TooManySubscriptions, TooManySockets) as error:
            self.close(CloseReason(1013, error.message))
        except Exception as error:  # noqa: BLE001 - logged there
            self.close(CloseReason(1011, str(format_inventory_error(unforeseen(error))["message"])))

    async def _authenticate(self) -> tuple[Principal, Headers]:
        """Authenticate by the first message or by the headers of the handshake."""
        try:
            async with asyncio.timeout(self._settings.events.sockets_introduction_seconds):
                while (message := await self._receive()).type != "connection_init":
                    if message.type not in {"ping", "pong"}:
                        raise _SocketClosed(CloseReason(4401, "Unauthorized"))
                    await self._handle(message)
        except TimeoutError:
            raise _SocketClosed(CloseReason(4408, "Connection initialisation timeout")) from None
        headers = _credentials(self._websocket.headers, message.payload)
        authentication = self._websocket.state["services"].authentication
        try:
            session = await authentication.authenticate_session(self._websocket, headers)
            return session or await authentication.authenticate_key(self._websocket, headers), headers
        except (Unauthenticated, Forbidden) as error:
            raise _SocketClosed(CloseReason(4403, error.message)) from None
        except (RateLimited, Unavailable) as error:
            raise _SocketClosed(CloseReason(1013, error.message)) from None

    async def _handle(self, message: _Message) -> None:
        self._last_active = monotonic()
        match message.type:
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                if task := self._operations.pop(message.id or "", None):
                    task.cancel()
            case "ping":
                await self._send(type="pong", **({} if message.payload is None else {"payload": message.payload}))
            case "pong":
                pass
            case "connection_init":
                raise _SocketClosed(CloseReason(4429, "Too many initialisation requests"))
            case _:
                raise _SocketClosed(CloseReason(4400, "Unknown type of message"))

    async def _subscribe(self, message: _Message) -> None:
        if not message.id or len(message.id) > _MAX_ID_LENGTH:
            raise _SocketClosed(
                CloseReason(4400, f"A subscribe message should have an id of 1 to {_MAX_ID_LENGTH} characters")
            )
        if message.id in self._operations:
            raise _SocketClosed(CloseReason(4409, f"Subscriber for {message.id[:40]} already exists"))
        try:
            asked = read_members(message.payload)
        except BadRequest:
            raise _SocketClosed(
                CloseReason(4400, "The payload of a subscribe message should be a GraphQL request")
            ) from None
        most = self._settings.events.subscriptions_per_socket
        if len(self._operations) >= most:
            error = TooManySubscriptions(f"This socket has {most} operations open, and may not have more.")
            await self._send(id=message.id, type="error", payload=[format_inventory_error(error)])
            return
        self._operations[message.id] = asyncio.create_task(self._execute(message.id, asked))

    # Operations

    async def _execute(self, id_: str, asked: GraphQLRequest) -> None:
        errors: list[FormattedError] = []
        try:
            operation = await self._pipeline.prepare(self._websocket, asked, self.principal)
            if operation.kind is OperationType.SUBSCRIPTION:
                await self._follow(id_, operation)
            else:
                await self._send_next(id_, (await execute(operation, self._settings.graphql)).encoded())
        except RequestRefused as refusal:
            errors = list(refusal.errors)
        except SubscriptionRefused as refusal:
            errors = refusal.errors
        except InventoryError as error:
            errors = [format_inventory_error(error)]
        except Exception as error:  # noqa: BLE001 - logged there; nothing of it may reach the client
            errors = [format_inventory_error(unforeseen(error))]
        # Before the client gets the message: it may use the id again at once.
        self._operations.pop(id_, None)
        self._last_active = monotonic()
        if errors:
            await self._send(id=id_, type="error", payload=errors)
        else:
            await self._send(id=id_, type="complete")

    async def _follow(self, id_: str, operation: GraphQLOperation) -> None:
        with self._connections.subscribed(self.principal):
            async with aclosing(await self._subscriptions.open(operation)) as answers:
                async for answer in answers:
                    await self._send_next(id_, answer)

    # Messages

    async def _receive(self) -> _Message:
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise _SocketClosed(_GONE)
        try:
            message = (received.get("text") or "").encode()
            if exceeds_depth(message, REQUEST_LEVELS):
                raise _SocketClosed(CloseReason(4400, "Invalid message"))
            return _decoder.decode(message)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise _SocketClosed(CloseReason(4400, "Invalid message")) from None

    async def _send_next(self, id_: str, answer: bytes) -> None:
        # Many subscribers share the encoded answer; only the envelope differs.
        await self._send_text(f'{{"id":{_encode(id_)},"type":"next","payload":{answer.decode()}}}')

    async def _send(self, **message: object) -> None:
        await self._send_text(_encode(message))

    async def _send_text(self, text: str) -> None:
        try:
            async with self._sending, asyncio.timeout(self._settings.events.sockets_send_seconds):
                await self._websocket.send_text(text)
        except TimeoutError:
            self.close(_SLOW)
        except (WebSocketDisconnect, RuntimeError):
            self.close(_GONE)


def _credentials(headers: Headers, payload: object) -> Headers:
    """Headers of the handshake. A key of the first message replaces theirs."""
    members = payload if isinstance(payload, Mapping) else {}
    nested = members.get("headers")
    given = {**(nested if isinstance(nested, Mapping) else {}), **members}
    brought = [
        (header.encode(), value.encode("utf-8", "replace"))
        for name, value in given.items()
        if isinstance(value, str) and (header := _CREDENTIALS.get(str(name).lower()))
    ]
    if not brought:
        return headers
    return Headers(raw=[*brought, *((name, value) for name, value in headers.raw if name not in _KEYS)])


def _encode(value: object) -> str:
    return _encoder.encode(value).decode()
