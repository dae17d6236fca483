"""The one place where an error becomes an HTTP status and a REST body."""

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
# Errors with a separate status under a code of the contract.
_PRECISE: Mapping[type[InventoryError], HTTPStatus] = {
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
_HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    # Long enough for a restart of Postgres, short enough to go unnoticed after one.
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
}


def refusal(error: InventoryError) -> Response:
    """The answer to an error. One that is our own fault (no code of the contract) tells nothing about itself."""
    status = _PRECISE.get(type(error)) or STATUSES.get(error.code)
    if status is None:
        log.error("request failed", exc_info=error)
        error, status = (
            InventoryError("The request failed because of an internal error."),
            HTTPStatus.INTERNAL_SERVER_ERROR,
        )
    body: dict[str, object] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = error.details
    headers = {"Retry-After": f"{error.retry_after}"} if isinstance(error, RateLimited) else _HEADERS.get(status)
    return answer({"error": body}, status, {"Cache-Control": "no-store", **(headers or {})})


async def routing_refusal(_request: Request, error: Exception) -> Response:
    """The answer to a request that no route takes: Starlette's own errors, in the form of all others."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    if error.status_code == HTTPStatus.NOT_FOUND:
        return refusal(NotFound("There is nothing at this address."))
    response = refusal(BadRequest(f"{HTTPStatus(error.status_code).phrase}."))
    response.status_code = error.status_code
    response.headers.update(error.headers or {})
    return response
