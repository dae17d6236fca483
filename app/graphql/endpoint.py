"""GraphQL over HTTP: one POST, one operation; the media types and statuses of the draft specification."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypedDict

import msgspec
import structlog
from arq.connections import ArqRedis
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from strawberry.http.ides import get_graphql_ide_html
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from app.access.door import Door
from app.access.scopes import Principal, Scope
from app.catalog.search import Search
from app.core.errors import BadRequest, BodyTooLarge, BodyTooSlow, InventoryError
from app.graphql.context import Context
from app.graphql.documents import Document, Documents, InvalidDocument
from app.graphql.errors import FormattedError, format_error, format_inventory_error, status_of, unforeseen
from app.graphql.schema import schema
from app.pricing.rulebook import Rulebook
from app.runs.journal import Journal

_JSON = "application/json"
_GRAPHQL_JSON = "application/graphql-response+json"
_OPERATIONS = (OperationType.QUERY, OperationType.MUTATION)
_HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
    HTTPStatus.METHOD_NOT_ALLOWED: {"Allow": "POST"},
}


class State(TypedDict):
    """What the endpoint finds in the application's state; `app.main` puts it there."""

    door: Door
    jobs: ArqRedis
    journal: Journal
    rulebook: Rulebook
    search: Search


class GraphQLRequest(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a request. Other members are ignored, as the draft asks."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


class Refused(Exception):
    """A request that is not executed at all."""

    def __init__(self, status: HTTPStatus, errors: Sequence[FormattedError]) -> None:
        super().__init__(status)
        self.status = status
        self.errors = errors


_decoder = msgspec.json.Decoder(GraphQLRequest)
_encoder = msgspec.json.Encoder()


def routes(*, development: bool) -> Sequence[Route]:
    """The route of GraphQL. In development a browser gets GraphiQL there."""
    endpoint = Endpoint(development=development)
    methods = ["GET", "POST"] if development else ["POST"]
    return (Route("/graphql", endpoint.answer, methods=methods),)


class Endpoint:
    """Answers requests to the schema."""

    def __init__(self, *, development: bool) -> None:
        self._development = development
        self._documents = Documents(schema._schema, suggestions=development)  # noqa: SLF001 - has no public name
        self._page = get_graphql_ide_html("graphiql") if development else ""

    async def answer(self, request: Request[State]) -> Response:
        """The answer to a request, whatever is wrong with it."""
        if request.method != "POST":
            if "text/html" in request.headers.get("accept", ""):
                return HTMLResponse(self._page)
            return _respond(
                request, HTTPStatus.METHOD_NOT_ALLOWED, [format_inventory_error(BadRequest("Send queries by POST."))]
            )
        try:
            return await self._execute(request)
        except Refused as refusal:
            return _respond(request, refusal.status, refusal.errors)
        except InventoryError as error:
            return _respond(request, _status_of_refusal(error), [format_inventory_error(error)])
        except Exception as error:  # noqa: BLE001 - logged there; nothing of it may reach the client
            problem = format_inventory_error(unforeseen(error))
            return _respond(request, HTTPStatus.INTERNAL_SERVER_ERROR, [problem])

    async def _execute(self, request: Request[State]) -> Response:
        principal = await self._principal(request)
        asked = await _read(request)
        document: Document | None = None
        problems: Sequence[GraphQLError] = ()
        try:
            document = self._documents.read(asked.query)
        except InvalidDocument as invalid:
            problems = invalid.errors
        if principal:
            mutates = document is not None and document.mutates
            await request.state["door"].settle(request, principal, writes=mutates, legacy=False)
        if document is None:
            raise Refused(_status_of_invalid(request), [format_error(error) for error in problems])
        context = Context(
            principal=principal,
            document=document.node,
            search=request.state["search"],
            rulebook=request.state["rulebook"],
            journal=request.state["journal"],
            jobs=request.state["jobs"],
        )
        if document.introspects and not self._development:
            context.require(Scope.SCHEMA_READ)
        if document.operations > 1 and not asked.operation_name:
            # The library would run the first one; which was meant is not ours to guess.
            raise _unnamed_operation(request)
        try:
            result = await schema.execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                allowed_operation_types=_OPERATIONS,
            )
        except (CannotGetOperationTypeError, InvalidOperationTypeError):
            raise _unnamed_operation(request) from None
        errors = result.errors or []
        if result.data is None and errors and not any(error.path for error in errors):
            # Nothing was executed: a variable has a wrong value.
            raise Refused(_status_of_invalid(request), [format_error(error) for error in errors])
        return _respond(
            request, status_of(result.data, errors), [format_error(error) for error in errors], data=result.data
        )

    async def _principal(self, request: Request[State]) -> Principal | None:
        door = request.state["door"]
        if self._development and not door.has_credentials(request):
            return None  # GraphiQL asks for the schema before anyone can give it a key
        principal = await door.admit(request)
        structlog.contextvars.bind_contextvars(client_id=principal.client_id)
        return principal


async def _read(request: Request[State]) -> GraphQLRequest:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        problem = BadRequest(f"Send the request as {_JSON}.")
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, [format_inventory_error(problem)])
    try:
        return _decoder.decode(await request.body())
    except ClientDisconnect:
        raise BadRequest("The body is incomplete.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not a GraphQL request: {error}.") from None


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
        "RATE_LIMITED": HTTPStatus.TOO_MANY_REQUESTS,
        "SERVICE_UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
    }
    return statuses.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)


def _respond(
    request: Request[State], status: HTTPStatus, errors: Sequence[FormattedError], **data: Mapping[str, object] | None
) -> Response:
    media_type = f"{_GRAPHQL_JSON}; charset=utf-8" if _wants_new_media_type(request) else _JSON
    body: dict[str, object] = {**data}
    if errors:
        body["errors"] = errors
    return Response(_encoder.encode(body), status, _HEADERS.get(status), media_type=media_type)
