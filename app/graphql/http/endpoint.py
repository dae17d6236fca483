"""GraphQL over HTTP: one request, one operation; the media types and statuses of the draft specification."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from typing import cast

import msgspec
import structlog
from graphql import OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.auth.scopes import Principal
from app.graphql.http.errors import FormattedError, format_inventory_error, status_of, unforeseen
from app.graphql.http.event_stream import EVENT_STREAM, Answers, EventStream, one, refused, wants_stream, whole
from app.graphql.http.execution import execute
from app.graphql.http.graphiql_page import GraphiQL
from app.graphql.http.operation import Operation
from app.graphql.http.request import JSON, Refused, read_get, read_post
from app.graphql.http.request_pipeline import GRAPHQL_JSON, Intake, status_of_invalid, wants_new_media_type
from app.graphql.http.state import State
from app.graphql.http.subscription_manager import NotFollowed
from app.graphql.http.websocket import Sockets
from app.http.routing import Route, WebSocketRoute
from inventory.core.errors import BadRequest, BodyTooLarge, InventoryError, RateLimited
from inventory.core.settings import Settings

_HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
    HTTPStatus.METHOD_NOT_ALLOWED: {"Allow": "POST"},
}

_encoder = msgspec.json.Encoder()


def routes(settings: Settings) -> Sequence[BaseRoute]:
    """The routes of GraphQL. In development a browser gets GraphiQL there, and its files on separate routes."""
    page = GraphiQL() if settings.environment == "development" else None
    intake = Intake(settings)
    return (
        Route("/graphql", Endpoint(settings, intake, page).answer, methods=["GET", "POST"]),
        WebSocketRoute("/graphql", Sockets(settings, intake).serve),
        *(page.routes() if page else ()),
    )


class Endpoint:
    """Answers requests to the schema; a browser with `page`, if there is one."""

    def __init__(self, settings: Settings, intake: Intake, page: GraphiQL | None) -> None:
        self._settings = settings
        self._development = settings.environment == "development"
        self._intake = intake
        self._page = page

    async def answer(self, request: Request[State]) -> Response | EventStream:
        """The answer to a request, whatever is wrong with it."""
        if self._page and request.method != "POST" and "text/html" in request.headers.get("accept", ""):
            return self._page.show()
        try:
            return await self._execute(request)
        except Refused as refusal:
            return _respond(request, refusal.status, refusal.errors)
        except InventoryError as error:
            response = _respond(request, _status_of_refusal(error), [format_inventory_error(error)])
            if isinstance(error, RateLimited):
                response.headers["Retry-After"] = str(error.retry_after)
            return response
        except Exception as error:  # noqa: BLE001 - logged there; nothing of it may reach the client
            problem = format_inventory_error(unforeseen(error))
            return _respond(request, HTTPStatus.INTERNAL_SERVER_ERROR, [problem])

    async def _execute(self, request: Request[State]) -> Response | EventStream:
        principal = await self._principal(request)
        asked = await read_post(request) if request.method == "POST" else read_get(request)
        operation = await self._intake.take(request, asked, principal, by_get=request.method != "POST")
        subscribes = operation.kind is OperationType.SUBSCRIPTION
        if wants_stream(request, subscribes=subscribes):
            return await self._stream(request, operation)
        if subscribes:
            await operation.bill.settle(0)
            raise BadRequest("Subscriptions come over WebSocket, or as text/event-stream.")
        answer = await execute(operation, self._settings)
        members = answer.members()
        errors = cast("list[FormattedError]", members.pop("errors", []))
        if not answer.executed:
            raise Refused(status_of_invalid(request), errors)
        return _respond(request, status_of(answer.data, answer.errors), errors, **members)

    async def _stream(self, request: Request[State], operation: Operation) -> EventStream:
        """The same as server-sent events, and subscriptions, too.

        Raises:
            TooMany: the key has too many open.
        """
        principal, presence = operation.context.caller, request.state["presence"]
        with ExitStack() as stays:
            if operation.kind is OperationType.SUBSCRIPTION:
                stays.enter_context(presence.subscribed(principal))
                answers = await self._follow(request, operation)
            else:
                answers = one((await execute(operation, self._settings)).encoded())
            stream = EventStream(answers, principal, request.headers, self._settings.sockets_send_seconds)
            stays.enter_context(presence.entered(stream))
            stream.stays = stays.pop_all()
        return stream

    @staticmethod
    async def _follow(request: Request[State], operation: Operation) -> Answers:
        try:
            return await request.state["live"].open(operation)
        except NotFollowed as refusal:
            return refused(refusal.errors)
        except InventoryError as error:
            return refused([format_inventory_error(error)])

    async def _principal(self, request: Request[State]) -> Principal | None:
        door = request.state["door"]
        if self._development and not door.has_credentials(request):
            return None  # GraphiQL asks for the schema before anyone can give it a key
        principal = await door.admit(request)
        structlog.contextvars.bind_contextvars(client_id=principal.client_id)
        return principal


def _status_of_refusal(error: InventoryError) -> HTTPStatus:
    if isinstance(error, BodyTooLarge):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    statuses = {
        "BAD_REQUEST": HTTPStatus.BAD_REQUEST,
        "PERSISTED_QUERY_NOT_SUPPORTED": HTTPStatus.OK,  # as Apollo Server: the link reads the body
        "UNAUTHORIZED": HTTPStatus.UNAUTHORIZED,
        "FORBIDDEN": HTTPStatus.FORBIDDEN,
        "NOT_FOUND": HTTPStatus.NOT_FOUND,
        "RATE_LIMITED": HTTPStatus.TOO_MANY_REQUESTS,
        "TOO_MANY_SUBSCRIPTIONS": HTTPStatus.TOO_MANY_REQUESTS,
        "SERVICE_UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
    }
    return statuses.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)


def _respond(
    request: Request[State], status: HTTPStatus, errors: Sequence[FormattedError], **members: object
) -> Response:
    media_type = f"{GRAPHQL_JSON}; charset=utf-8" if wants_new_media_type(request) else JSON
    body: dict[str, object] = {**members}
    if errors:
        body["errors"] = errors
    encoded = _encoder.encode(body)
    if status == HTTPStatus.OK and wants_stream(request, subscribes=False):
        # The protocol wants the errors of validation as events: its clients can't read them as JSON.
        return Response(whole(encoded), status, {"Cache-Control": "no-cache"}, media_type=EVENT_STREAM)
    return Response(encoded, status, _HEADERS.get(status), media_type=media_type)
