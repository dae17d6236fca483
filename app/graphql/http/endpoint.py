"""GraphQL over HTTP: media types and status codes of the draft specification."""

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
from app.graphql.execution.errors import FormattedError, format_inventory_error, status_of, unforeseen
from app.graphql.execution.operation import GraphQLOperation
from app.graphql.execution.request import JSON, RequestRefused, read_get, read_post
from app.graphql.execution.request_pipeline import (
    GRAPHQL_JSON,
    RequestPipeline,
    status_of_invalid,
    wants_new_media_type,
)
from app.graphql.execution.response import execute
from app.graphql.http.graphiql_page import GraphiQL
from app.graphql.subscriptions.event_stream import (
    EVENT_STREAM,
    Answers,
    EventStream,
    complete_stream,
    error_answer,
    single_answer,
    wants_stream,
)
from app.graphql.subscriptions.state import GraphQLState
from app.graphql.subscriptions.subscription_manager import SubscriptionRefused
from app.graphql.subscriptions.websocket import WebSocketEndpoint
from app.http.routing import RequestEndpoint, Route, WebSocketRoute
from inventory.core.errors import BadRequest, BodyTooLarge, InventoryError, RateLimited
from inventory.core.settings import Settings

_HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
    HTTPStatus.METHOD_NOT_ALLOWED: {"Allow": "POST"},
}

_encoder = msgspec.json.Encoder()


def routes(settings: Settings) -> Sequence[BaseRoute]:
    """Routes of GraphQL. In development browsers get GraphiQL; its files have separate routes."""
    page = GraphiQL() if settings.general.environment == "development" else None
    pipeline = RequestPipeline(settings.graphql, development=settings.general.environment == "development")
    return (
        Route(
            "/graphql",
            RequestEndpoint(GraphQLEndpoint(settings, pipeline, page).answer),
            methods=["GET", "POST"],
            name="graphql",
        ),
        WebSocketRoute("/graphql", WebSocketEndpoint(settings, pipeline).serve),
        *(page.routes() if page else ()),
    )


class GraphQLEndpoint:
    """Endpoint of the schema. Browsers get `page` if it exists."""

    def __init__(self, settings: Settings, pipeline: RequestPipeline, page: GraphiQL | None) -> None:
        self._settings = settings
        self._development = settings.general.environment == "development"
        self._pipeline = pipeline
        self._page = page

    async def answer(self, request: Request[GraphQLState]) -> Response | EventStream:
        """Answer a request; every error becomes a response."""
        if self._page and request.method != "POST" and "text/html" in request.headers.get("accept", ""):
            return self._page.show()
        try:
            return await self._execute(request)
        except RequestRefused as refusal:
            return _respond(request, refusal.status, refusal.errors)
        except InventoryError as error:
            response = _respond(request, _status_of_refusal(error), [format_inventory_error(error)])
            if isinstance(error, RateLimited):
                response.headers["Retry-After"] = str(error.retry_after)
            return response
        except Exception as error:  # noqa: BLE001 - logged there; nothing of it may reach the client
            problem = format_inventory_error(unforeseen(error))
            return _respond(request, HTTPStatus.INTERNAL_SERVER_ERROR, [problem])

    async def _execute(self, request: Request[GraphQLState]) -> Response | EventStream:
        principal = await self._principal(request)
        asked = await read_post(request) if request.method == "POST" else read_get(request)
        operation = await self._pipeline.prepare(request, asked, principal, by_get=request.method != "POST")
        subscribes = operation.kind is OperationType.SUBSCRIPTION
        if wants_stream(request, subscribes=subscribes):
            return await self._stream(request, operation)
        if subscribes:
            await operation.reservation.settle(0)
            raise BadRequest("Subscriptions come over WebSocket, or as text/event-stream.")
        answer = await execute(operation, self._settings.graphql)
        members = answer.members()
        errors = cast("list[FormattedError]", members.pop("errors", []))
        if not answer.executed:
            raise RequestRefused(status_of_invalid(request), errors)
        return _respond(request, status_of(answer.data, answer.errors), errors, **members)

    async def _stream(self, request: Request[GraphQLState], operation: GraphQLOperation) -> EventStream:
        """Answer by server-sent events; required for subscriptions.

        Raises:
            TooMany: the key has reached its limit.
        """
        principal, connections = operation.context.caller, request.state["connections"]
        with ExitStack() as resources:
            if operation.kind is OperationType.SUBSCRIPTION:
                resources.enter_context(connections.subscribed(principal))
                answers = await self._follow(request, operation)
            else:
                answers = single_answer((await execute(operation, self._settings.graphql)).encoded())
            stream = EventStream(answers, principal, request.headers, self._settings.events.sockets_send_seconds)
            resources.enter_context(connections.registered(stream))
            stream.resources = resources.pop_all()
        return stream

    @staticmethod
    async def _follow(request: Request[GraphQLState], operation: GraphQLOperation) -> Answers:
        try:
            return await request.state["subscriptions"].open(operation)
        except SubscriptionRefused as refusal:
            return error_answer(refusal.errors)
        except InventoryError as error:
            return error_answer([format_inventory_error(error)])

    async def _principal(self, request: Request[GraphQLState]) -> Principal | None:
        authentication = request.state["services"].authentication
        if request.method == "POST" and (
            session := await authentication.authenticate_session(request, request.headers)
        ):
            structlog.contextvars.bind_contextvars(client_id=session.client_id)
            return session
        if self._development and not authentication.has_credentials(request):
            return None  # GraphiQL reads the schema before the user enters a key
        principal = await authentication.authenticate(request)
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
    request: Request[GraphQLState], status: HTTPStatus, errors: Sequence[FormattedError], **members: object
) -> Response:
    media_type = f"{GRAPHQL_JSON}; charset=utf-8" if wants_new_media_type(request) else JSON
    body: dict[str, object] = {**members}
    if errors:
        body["errors"] = errors
    encoded = _encoder.encode(body)
    if status == HTTPStatus.OK and wants_stream(request, subscribes=False):
        # The protocol wants the errors of validation as events: its clients can't read them as JSON.
        return Response(complete_stream(encoded), status, {"Cache-Control": "no-cache"}, media_type=EVENT_STREAM)
    return Response(encoded, status, _HEADERS.get(status), media_type=media_type)
