"""Request pipeline: parse, limit, authorize and reserve the cost of an operation, for every transport."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from graphql import GraphQLError
from starlette.requests import HTTPConnection

from app.auth.scopes import Principal, Scope
from app.graphql.context import Context
from app.graphql.execution.budget import CostReservation
from app.graphql.execution.cost import requested
from app.graphql.execution.document_cache import DocumentCache, InvalidDocument, PreparedDocument
from app.graphql.execution.errors import format_error, format_inventory_error
from app.graphql.execution.operation import GraphQLOperation
from app.graphql.execution.request import GraphQLRequest, RequestRefused, not_by_get
from app.graphql.execution.state import Connection, S
from app.graphql.schema import schema
from inventory.catalog.visibility import visible
from inventory.core.errors import BadRequest, Forbidden, Unauthenticated
from inventory.core.settings.graphql import GraphQLSettings

GRAPHQL_JSON = "application/graphql-response+json"


class RequestPipeline:
    """Turns requests into operations that may be executed."""

    def __init__(self, settings: GraphQLSettings, *, development: bool) -> None:
        self._settings = settings
        self._development = development
        self._documents = DocumentCache(schema._schema, suggestions=self._development)  # noqa: SLF001 - has no public name

    async def prepare(
        self, connection: Connection[S], asked: GraphQLRequest, principal: Principal | None, *, by_get: bool = False
    ) -> GraphQLOperation:
        """Prepare the operation of a request.

        Raises:
            RequestRefused: the document or a value is invalid.
            InventoryError: the caller lacks a scope, or a server does not answer.
        """
        text = await self._text(connection, asked)
        document = await self._document(connection, text, principal)
        if document.mutates and by_get:
            raise not_by_get("Send mutations by POST.")
        if document.introspects and not self._development:
            _required(principal).require(Scope.SCHEMA_READ)
        name = _name(connection, document, asked)
        plan = document.plans[name]
        services = connection.state["services"]
        context = Context(
            principal=principal,
            document=document.node,
            services=services,
            selections=document.selections,
            search=visible(services.search, sees_hidden=_sees_hidden(principal)),
        )
        reservation = await self._reserve_cost(connection, principal, requested(plan, asked.variables or {}))
        return GraphQLOperation(asked, text, document, name, document.kinds[name], plan, context, reservation)

    async def _text(self, connection: Connection[S], asked: GraphQLRequest) -> str:
        documents = connection.state["persisted_documents"]
        if asked.document_id is not None:
            return await documents.text(asked.document_id)
        text = asked.query or ""
        if self._settings.registered_only and not await documents.knows(text):
            raise Forbidden("Only registered documents are executed here.")
        return text

    async def _document(self, connection: Connection[S], text: str, principal: Principal | None) -> PreparedDocument:
        document: PreparedDocument | None = None
        problems: Sequence[GraphQLError] = ()
        try:
            document = self._documents.read(text)
        except InvalidDocument as invalid:
            problems = invalid.errors
        if principal:
            mutates = document is not None and document.mutates
            await connection.state["services"].authentication.authorize_and_count(
                connection, principal, writes=mutates, legacy=False
            )
        if document is None:
            raise RequestRefused(status_of_invalid(connection), [format_error(error) for error in problems])
        return document

    async def _reserve_cost(self, connection: Connection[S], principal: Principal | None, cost: int) -> CostReservation:
        if cost > self._settings.max_cost:
            problem = GraphQLError(f"The operation costs {cost}; at most {self._settings.max_cost} are allowed.")
            raise RequestRefused(status_of_invalid(connection), [format_error(problem)])
        return await CostReservation.open(connection.state["budget"], principal.key_id if principal else None, cost)


def _sees_hidden(principal: Principal | None) -> bool:
    return principal is not None and principal.may(Scope.CERTIFICATES_HIDDEN)


def _required(principal: Principal | None) -> Principal:
    if principal is None:
        raise Unauthenticated("Send an API key in the header X-API-Key.")
    return principal


def _name(connection: HTTPConnection[Any], document: PreparedDocument, asked: GraphQLRequest) -> str | None:
    """Name of the operation to execute. With several operations the library would execute the first."""
    if not asked.operation_name and len(document.plans) == 1:
        return next(iter(document.plans))
    name = asked.operation_name or None
    if name not in document.plans:
        problem = BadRequest("operationName should name one of the document's operations.")
        raise RequestRefused(status_of_invalid(connection), [format_inventory_error(problem)])
    return name


def wants_new_media_type(connection: HTTPConnection[Any]) -> bool:
    """Whether the client accepts the media type of the draft specification."""
    return GRAPHQL_JSON in connection.headers.get("accept", "")


def status_of_invalid(connection: HTTPConnection[Any]) -> HTTPStatus:
    """Status of a well-formed request that cannot be executed: 400, or 200 with the older media type."""
    return HTTPStatus.BAD_REQUEST if wants_new_media_type(connection) else HTTPStatus.OK
