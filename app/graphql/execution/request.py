"""GraphQL requests over HTTP: by POST, or by GET for registered documents."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

from app.graphql.execution import persisted_queries
from app.graphql.execution.errors import FormattedError, format_inventory_error
from app.http import accepted_values
from inventory.core.errors import BadRequest
from inventory.core.json_depth import REQUEST_LEVELS, exceeds_depth

JSON = "application/json"


class GraphQLRequest(msgspec.Struct, frozen=True, rename="camel"):
    """A request: a document, or the id of a registered one. Other members are ignored, as the draft specification requires."""

    query: str | None = None
    document_id: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


class RequestRefused(Exception):
    """The request is not executed."""

    def __init__(self, status: HTTPStatus, errors: Sequence[FormattedError]) -> None:
        super().__init__(status)
        self.status = status
        self.errors = errors


_decoder = msgspec.json.Decoder(GraphQLRequest)


def not_by_get(message: str) -> RequestRefused:
    """Reject a GET request that another origin could make a browser send."""
    return RequestRefused(HTTPStatus.METHOD_NOT_ALLOWED, [format_inventory_error(BadRequest(message))])


async def read_post(request: Request[Any]) -> GraphQLRequest:
    """Read the request in a body.

    Raises:
        RequestRefused: it is sent as something else than JSON.
        BadRequest: it is no GraphQL request.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        problem = BadRequest(f"Send the request as {JSON}.")
        raise RequestRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, [format_inventory_error(problem)])
    try:
        body = await request.body()
    except ClientDisconnect:
        raise BadRequest("The body is incomplete.") from None
    if exceeds_depth(body, REQUEST_LEVELS):
        raise BadRequest("The body is not a GraphQL request: it is nested too deep.")
    try:
        asked = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadRequest(f"The body is not a GraphQL request: {_wrong_body(body)}.") from None
    return _checked(asked, "The body")


def read_members(members: object) -> GraphQLRequest:
    """Read the request in the payload of a message.

    Raises:
        BadRequest: it is no GraphQL request.
    """
    try:
        return _checked(msgspec.convert(members, GraphQLRequest), "The payload")
    except msgspec.ValidationError:
        raise BadRequest(f"The payload is not a GraphQL request: {_wrong(members)}.") from None


def _wrong_body(body: bytes) -> str:
    try:
        return _wrong(msgspec.json.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return str(error)


def _wrong(members: object) -> str:
    """Describe invalid members and the values that they accept."""
    if not isinstance(members, dict):
        return "it should be a JSON object"
    _, problems = accepted_values.read_members(members, GraphQLRequest)
    return ", ".join(f"{name} {problem}" for name, problem in problems.items())


def _checked(asked: GraphQLRequest, where: str) -> GraphQLRequest:
    persisted_queries.check(asked.extensions, asked.query, asked.document_id)
    if (asked.query is None) == (asked.document_id is None):
        raise BadRequest(f"{where} is not a GraphQL request: it should hold either query or documentId.")
    return asked


def read_get(request: Request[Any]) -> GraphQLRequest:
    """Read the request in a query string.

    Raises:
        RequestRefused: it names no registered document.
        BadRequest: it is no GraphQL request.
    """
    given = request.query_params
    if "documentId" not in given and "query" not in given and "extensions" in given:
        persisted_queries.check(_member(given["extensions"], "extensions"), None, None)
    if "documentId" not in given or "query" in given:
        raise not_by_get("Send queries by POST; by GET only the documentId of a registered one.")
    members: dict[str, Any] = {"documentId": given["documentId"], "operationName": given.get("operationName")}
    try:
        for name in ("variables", "extensions"):
            members[name] = _member(given.get(name, "null"), name)
        asked = msgspec.convert(members, GraphQLRequest)
    except msgspec.ValidationError:
        raise BadRequest(f"This is not a GraphQL request: {_wrong(members)}.") from None
    persisted_queries.check(asked.extensions, None, asked.document_id)
    return asked


def _member(text: str, name: str) -> object:
    """Read a JSON member of a GET request."""
    try:
        encoded = text.encode()
        if exceeds_depth(encoded, REQUEST_LEVELS):
            raise BadRequest(f"This is not a GraphQL request: {name} are nested too deep.")
        return msgspec.json.decode(encoded)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadRequest(f"This is not a GraphQL request: {error}.") from None
