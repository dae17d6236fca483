"""REST error responses: HTTP status and body of each error."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.rest.responses import answer
from inventory.core.errors import BadRequest, BodyTooLarge, InventoryError, NotFound, RateLimited
from inventory.core.logging import get_logger

log = get_logger()

STATUSES: Mapping[str, HTTPStatus] = {
    "VALIDATION_ERROR": HTTPStatus.BAD_REQUEST,
    "BAD_REQUEST": HTTPStatus.BAD_REQUEST,
    "UNAUTHORIZED": HTTPStatus.UNAUTHORIZED,
    "FORBIDDEN": HTTPStatus.FORBIDDEN,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "CONFLICT": HTTPStatus.CONFLICT,
    "RATE_LIMITED": HTTPStatus.TOO_MANY_REQUESTS,
    "SUPPLIER_ERROR": HTTPStatus.BAD_GATEWAY,
    "SUPPLIER_TIMEOUT": HTTPStatus.GATEWAY_TIMEOUT,
    "SERVICE_UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
}
# Errors whose status differs from the status of their code.
_STATUSES_BY_TYPE: Mapping[type[InventoryError], HTTPStatus] = {
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
_HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    # The duration of a Postgres restart.
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
}


def error_response(error: InventoryError) -> Response:
    """Return the response to an error. An internal error (no code of the contract) gets a message without details."""
    status = _STATUSES_BY_TYPE.get(type(error)) or STATUSES.get(error.code)
    if status is None:
        log.error("request_failed", exc_info=error)
        error, status = (
            InventoryError("The request failed because of an internal error."),
            HTTPStatus.INTERNAL_SERVER_ERROR,
        )
    body: dict[str, object] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = error.details
    headers = {"Retry-After": f"{error.retry_after}"} if isinstance(error, RateLimited) else _HEADERS.get(status)
    return answer({"error": body}, status, {"Cache-Control": "no-store", **(headers or {})})


async def routing_error_response(_request: Request, error: Exception) -> Response:
    """Return the response to a request without a matching route, in the format of all other errors."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    if error.status_code == HTTPStatus.NOT_FOUND:
        return error_response(NotFound("There is nothing at this address."))
    response = error_response(BadRequest(f"{HTTPStatus(error.status_code).phrase}."))
    response.status_code = error.status_code
    response.headers.update(error.headers or {})
    return response
