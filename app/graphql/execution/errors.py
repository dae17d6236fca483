"""Conversion of errors to GraphQL errors: message, location, and a stable `extensions.code`."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from graphql import GraphQLError, GraphQLSyntaxError

from inventory.core.errors import InventoryError, Unavailable
from inventory.core.logging import get_logger

log = get_logger()

# Most errors of a rejected document, so that a response is not larger than its request.
MAX_ERRORS = 5

# Codes that clients may see. Every other error is reported as INTERNAL_ERROR.
PUBLIC_CODES = frozenset({
    "VALIDATION_ERROR", "BAD_REQUEST", "UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "RATE_LIMITED",
    "SUPPLIER_ERROR", "SUPPLIER_TIMEOUT", "SERVICE_UNAVAILABLE", "CURSOR_EXPIRED", "CURSOR_UNKNOWN", "SLOW_CONSUMER",
    "TOO_MANY_SUBSCRIPTIONS", "PERSISTED_QUERY_NOT_SUPPORTED",
})  # fmt: skip
# Status of errors that concern the whole request. Others are part of a response with status 200.
STATUSES: Mapping[str, HTTPStatus] = {
    "UNAUTHORIZED": HTTPStatus.UNAUTHORIZED,
    "RATE_LIMITED": HTTPStatus.TOO_MANY_REQUESTS,
    "SERVICE_UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
}

FormattedError = dict[str, object]


def format_error(error: GraphQLError) -> FormattedError:
    """Convert an error of graphql-core."""
    cause = _cause(error)
    formatted: FormattedError
    if isinstance(cause, InventoryError):
        formatted = format_inventory_error(cause)
    elif cause is None:
        code = "BAD_REQUEST" if isinstance(error, GraphQLSyntaxError) else "VALIDATION_ERROR"
        formatted = {"message": error.message, "extensions": {"code": code}}
    else:
        formatted = format_inventory_error(unforeseen(cause))
    if error.locations:
        formatted["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        formatted["path"] = error.path
    return formatted


def format_inventory_error(error: InventoryError) -> FormattedError:
    """Convert an error of this service. Details of internal errors are not revealed."""
    if isinstance(error, Unavailable):
        log.warning("dependency_unavailable", code=error.code, cause=repr(error.__cause__))
    if error.code not in PUBLIC_CODES:
        log.error("request_failed", exc_info=error)
        error = InventoryError("The request failed because of an internal error.")
    extensions: dict[str, object] = {"code": error.code}
    if error.code == "VALIDATION_ERROR":
        extensions["fields"] = error.details
        # Tools distinguish invalid arguments from internal errors by this code.
        extensions["classification"] = "ValidationError"
    elif error.details:
        extensions["details"] = error.details
    return {"message": error.message, "extensions": extensions}


def unforeseen(cause: Exception) -> InventoryError:
    """Log an unexpected exception; return the error for the client."""
    error = InventoryError()
    error.__cause__ = cause
    return error


def status_of(data: Mapping[str, object] | None, errors: Sequence[GraphQLError]) -> HTTPStatus:
    """HTTP status of an executed operation: 200 unless it has no data."""
    if not any(value is not None for value in (data or {}).values()):
        for error in errors:
            cause = _cause(error)
            if isinstance(cause, InventoryError) and cause.code in STATUSES:
                return STATUSES[cause.code]
    return HTTPStatus.OK


def _cause(error: GraphQLError) -> Exception | None:
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause
