"""GraphQL over HTTP: one request, one operation; the media types and statuses of the draft specification."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TypedDict

import msgspec
import structlog
from arq.connections import ArqRedis
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from strawberry.http.ides import get_graphql_ide_html
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from app.access.door import Door
from app.access.scopes import Principal, Scope
from app.catalog.search import Search
from app.core.errors import (
    BadRequest,
    BodyTooLarge,
    BodyTooSlow,
    Forbidden,
    InventoryError,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from app.core.settings import Settings
from app.graphql.budget import Bill, Budget
from app.graphql.context import Context
from app.graphql.cost import Plan, actual, requested
from app.graphql.documents import Document, Documents, InvalidDocument
from app.graphql.errors import FormattedError, format_error, format_inventory_error, status_of, unforeseen
from app.graphql.registry import Registry
from app.graphql.request import JSON, GraphQLRequest, Refused, not_by_get, read_get, read_post
from app.graphql.schema import schema
from app.pricing.rulebook import Rulebook
from app.runs.journal import Journal

_GRAPHQL_JSON = "application/graphql-response+json"
_OPERATIONS = (OperationType.QUERY, OperationType.MUTATION)
_HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
    HTTPStatus.METHOD_NOT_ALLOWED: {"Allow": "POST"},
}


class State(TypedDict):
    """What the endpoint finds in the application's state; `app.main` puts it there."""

    budget: Budget
    door: Door
    jobs: ArqRedis
    journal: Journal
    registry: Registry
    rulebook: Rulebook
    search: Search


_encoder = msgspec.json.Encoder()


class TooSlow(Unavailable):
    """This takes too long; ask for less."""


def routes(settings: Settings) -> Sequence[Route]:
    """The route of GraphQL. In development a browser gets GraphiQL there."""
    return (Route("/graphql", Endpoint(settings).answer, methods=["GET", "POST"]),)


class Endpoint:
    """Answers requests to the schema."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._development = settings.environment == "development"
        self._documents = Documents(schema._schema, suggestions=self._development)  # noqa: SLF001 - has no public name
        self._page = get_graphql_ide_html("graphiql") if self._development else ""

    async def answer(self, request: Request[State]) -> Response:
        """The answer to a request, whatever is wrong with it."""
        if self._page and request.method != "POST" and "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(self._page)
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

    async def _execute(self, request: Request[State]) -> Response:
        principal = await self._principal(request)
        asked = await read_post(request) if request.method == "POST" else read_get(request)
        text = await self._text(request, asked)
        document = await self._document(request, text, principal)
        if document.mutates and request.method != "POST":
            raise not_by_get("Send mutations by POST.")
        if document.introspects and not self._development:
            _required(principal).require(Scope.SCHEMA_READ)
        plan = self._plan(request, document, asked)
        context = Context(
            principal=principal,
            document=document.node,
            settings=self._settings,
            search=request.state["search"],
            rulebook=request.state["rulebook"],
            journal=request.state["journal"],
            jobs=request.state["jobs"],
        )
        bill = await self._bill(request, principal, requested(plan, asked.variables or {}))
        try:
            async with asyncio.timeout(self._settings.graphql_timeout_seconds):
                result = await schema.execute(
                    text,
                    variable_values=asked.variables,
                    context_value=context,
                    operation_name=asked.operation_name,
                    allowed_operation_types=_OPERATIONS,
                )
        except (CannotGetOperationTypeError, InvalidOperationTypeError):
            raise _unnamed_operation(request) from None
        except TimeoutError:
            raise TooSlow from None
        errors = result.errors or []
        await bill.settle(actual(plan, result.data))
        formatted = [format_error(error) for error in errors]
        if result.data is None and errors and not any(error.path for error in errors):
            # Nothing was executed: a variable has a wrong value.
            raise Refused(_status_of_invalid(request), formatted)
        status = status_of(result.data, errors)
        return _respond(request, status, formatted, data=result.data, extensions={"cost": bill.shown()})

    async def _text(self, request: Request[State], asked: GraphQLRequest) -> str:
        registry = request.state["registry"]
        if asked.document_id is not None:
            return await registry.text(asked.document_id)
        text = asked.query or ""
        if self._settings.graphql_registered_only and not await registry.knows(text):
            raise Forbidden("Only registered documents are executed here.")
        return text

    async def _document(self, request: Request[State], text: str, principal: Principal | None) -> Document:
        document: Document | None = None
        problems: Sequence[GraphQLError] = ()
        try:
            document = self._documents.read(text)
        except InvalidDocument as invalid:
            problems = invalid.errors
        if principal:
            mutates = document is not None and document.mutates
            await request.state["door"].settle(request, principal, writes=mutates, legacy=False)
        if document is None:
            raise Refused(_status_of_invalid(request), [format_error(error) for error in problems])
        return document

    @staticmethod
    def _plan(request: Request[State], document: Document, asked: GraphQLRequest) -> Plan:
        """The plan of the operation that was meant. Of several the library would run the first one."""
        if not asked.operation_name and len(document.plans) == 1:
            return next(iter(document.plans.values()))
        plan = document.plans.get(asked.operation_name or None)
        if plan is None:
            raise _unnamed_operation(request)
        return plan

    async def _bill(self, request: Request[State], principal: Principal | None, cost: int) -> Bill:
        if cost > self._settings.graphql_max_cost:
            problem = GraphQLError(
                f"The operation costs {cost}; at most {self._settings.graphql_max_cost} are allowed."
            )
            raise Refused(_status_of_invalid(request), [format_error(problem)])
        return await Bill.open(request.state["budget"], principal.key_id if principal else None, cost)

    async def _principal(self, request: Request[State]) -> Principal | None:
        door = request.state["door"]
        if self._development and not door.has_credentials(request):
            return None  # GraphiQL asks for the schema before anyone can give it a key
        principal = await door.admit(request)
        structlog.contextvars.bind_contextvars(client_id=principal.client_id)
        return principal


def _required(principal: Principal | None) -> Principal:
    if principal is None:
        raise Unauthenticated("Send an API key in the header X-API-Key.")
    return principal


def _unnamed_operation(request: Request[State]) -> Refused:
    problem = BadRequest("operationName should name one of the document's queries or mutations.")
    return Refused(_status_of_invalid(request), [format_inventory_error(problem)])


def _wants_new_media_type(request: Request[State]) -> bool:
    return _GRAPHQL_JSON in request.headers.get("accept", "")


def _status_of_invalid(request: Request[State]) -> HTTPStatus:
    """A well-formed request that can't be executed: the draft wants 400, and 200 in the older media type."""
    return HTTPStatus.BAD_REQUEST if _wants_new_media_type(request) else HTTPStatus.OK


def _status_of_refusal(error: InventoryError) -> HTTPStatus:
    if isinstance(error, BodyTooLarge):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if isinstance(error, BodyTooSlow):
        return HTTPStatus.REQUEST_TIMEOUT
    statuses = {
        "BAD_REQUEST": HTTPStatus.BAD_REQUEST,
        "UNAUTHORIZED": HTTPStatus.UNAUTHORIZED,
        "FORBIDDEN": HTTPStatus.FORBIDDEN,
        "NOT_FOUND": HTTPStatus.NOT_FOUND,
        "RATE_LIMITED": HTTPStatus.TOO_MANY_REQUESTS,
        "SERVICE_UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
    }
    return statuses.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)


def _respond(
    request: Request[State], status: HTTPStatus, errors: Sequence[FormattedError], **members: object
) -> Response:
    media_type = f"{_GRAPHQL_JSON}; charset=utf-8" if _wants_new_media_type(request) else JSON
    body: dict[str, object] = {**members}
    if errors:
        body["errors"] = errors
    return Response(_encoder.encode(body), status, _HEADERS.get(status), media_type=media_type)
