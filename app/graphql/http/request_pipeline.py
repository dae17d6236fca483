"""From a request to an operation that may be executed: read, limited, allowed and paid for, however it came."""

from collections.abc import Sequence
from http import HTTPStatus

from graphql import GraphQLError

from app.auth.scopes import Principal, Scope
from app.graphql.context import Context
from app.graphql.http.budget import Bill
from app.graphql.http.cost import requested
from app.graphql.http.document_cache import Document, Documents, InvalidDocument
from app.graphql.http.errors import format_error, format_inventory_error
from app.graphql.http.operation import Operation
from app.graphql.http.request import GraphQLRequest, Refused, not_by_get
from app.graphql.http.state import Connection
from app.graphql.schema import schema
from inventory.catalog.visibility import visible
from inventory.core.errors import BadRequest, Forbidden, Unauthenticated
from inventory.core.settings import Settings

GRAPHQL_JSON = "application/graphql-response+json"


class Intake:
    """Lets requests in, or says what is wrong with them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._development = settings.environment == "development"
        self._documents = Documents(schema._schema, suggestions=self._development)  # noqa: SLF001 - has no public name

    async def take(
        self, connection: Connection, asked: GraphQLRequest, principal: Principal | None, *, by_get: bool = False
    ) -> Operation:
        """The operation that a request asks for.

        Raises:
            Refused: the document, or what is asked of it, is not valid.
            InventoryError: the caller may not do this, or not now.
        """
        text = await self._text(connection, asked)
        document = await self._document(connection, text, principal)
        if document.mutates and by_get:
            raise not_by_get("Send mutations by POST.")
        if document.introspects and not self._development:
            _required(principal).require(Scope.SCHEMA_READ)
        name = _name(connection, document, asked)
        plan = document.plans[name]
        context = Context(
            principal=principal,
            document=document.node,
            settings=self._settings,
            search=visible(connection.state["search"], sees_hidden=_sees_hidden(principal)),
            rulebook=connection.state["rulebook"],
            journal=connection.state["journal"],
            desk=connection.state["desk"],
            jobs=connection.state["jobs"],
            hub=connection.state["hub"],
        )
        bill = await self._bill(connection, principal, requested(plan, asked.variables or {}))
        return Operation(asked, text, document, name, document.kinds[name], plan, context, bill)

    async def _text(self, connection: Connection, asked: GraphQLRequest) -> str:
        registry = connection.state["registry"]
        if asked.document_id is not None:
            return await registry.text(asked.document_id)
        text = asked.query or ""
        if self._settings.graphql_registered_only and not await registry.knows(text):
            raise Forbidden("Only registered documents are executed here.")
        return text

    async def _document(self, connection: Connection, text: str, principal: Principal | None) -> Document:
        document: Document | None = None
        problems: Sequence[GraphQLError] = ()
        try:
            document = self._documents.read(text)
        except InvalidDocument as invalid:
            problems = invalid.errors
        if principal:
            mutates = document is not None and document.mutates
            await connection.state["door"].settle(connection, principal, writes=mutates, legacy=False)
        if document is None:
            raise Refused(status_of_invalid(connection), [format_error(error) for error in problems])
        return document

    async def _bill(self, connection: Connection, principal: Principal | None, cost: int) -> Bill:
        if cost > self._settings.graphql_max_cost:
            problem = GraphQLError(
                f"The operation costs {cost}; at most {self._settings.graphql_max_cost} are allowed."
            )
            raise Refused(status_of_invalid(connection), [format_error(problem)])
        return await Bill.open(connection.state["budget"], principal.key_id if principal else None, cost)


def _sees_hidden(principal: Principal | None) -> bool:
    return principal is not None and principal.may(Scope.CERTIFICATES_HIDDEN)


def _required(principal: Principal | None) -> Principal:
    if principal is None:
        raise Unauthenticated("Send an API key in the header X-API-Key.")
    return principal


def _name(connection: Connection, document: Document, asked: GraphQLRequest) -> str | None:
    """The name of the operation that was meant. Of several the library would run the first one."""
    if not asked.operation_name and len(document.plans) == 1:
        return next(iter(document.plans))
    name = asked.operation_name or None
    if name not in document.plans:
        problem = BadRequest("operationName should name one of the document's operations.")
        raise Refused(status_of_invalid(connection), [format_inventory_error(problem)])
    return name


def wants_new_media_type(connection: Connection) -> bool:
    """Whether the caller knows the media type of the draft."""
    return GRAPHQL_JSON in connection.headers.get("accept", "")


def status_of_invalid(connection: Connection) -> HTTPStatus:
    """A well-formed request that can't be executed: the draft wants 400, and 200 in the older media type."""
    return HTTPStatus.BAD_REQUEST if wants_new_media_type(connection) else HTTPStatus.OK
