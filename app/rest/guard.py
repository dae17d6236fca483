"""Endpoint wrappers of REST: authentication, authorization, rate limit, ETag and error responses."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.auth.scopes import Principal, Scope
from app.rest.caching import conditional, data_etag, matches_etag, not_modified, stored_response
from app.rest.errors import error_response
from app.services import State
from inventory.core.errors import BadRequest, InventoryError, Unavailable
from inventory.core.logging import get_logger

log = get_logger()

Handler = Callable[[Request[State], Principal], Awaitable[Response]]
Endpoint = Callable[[Request[State]], Awaitable[Response]]


def require_scope(scope: Scope, handler: Handler, *, writes: bool = False, versioned: bool = False) -> Endpoint:
    """Return an endpoint that authenticates the client and requires `scope`.

    `writes`: the operation changes data. `versioned`: the response depends on diamonds and holds only, so its ETag is
    derived from the data version without building the response.
    """

    async def guarded(request: Request[State]) -> Response:
        authentication = request.state["services"].authentication
        principal = await authentication.authenticate(request)
        structlog.contextvars.bind_contextvars(client_id=principal.client_id)
        await authentication.authorize_and_count(request, principal, writes=writes, legacy=True)
        principal.require(scope)
        if writes:
            try:
                return await handler(request, principal)
            finally:
                request.state["services"].data_version.expire()
        if not versioned:
            return await handler(request, principal)
        tag = await data_etag(request, principal)
        if matches_etag(request, tag):
            return not_modified(tag)
        return await stored_response(request, tag, lambda: handler(request, principal))

    return public(guarded)


def public(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint without authentication. Errors become responses; unexpected errors are logged."""

    async def handle_errors(request: Request[State]) -> Response:
        try:
            return conditional(request, await endpoint(request))
        except ClientDisconnect:
            return error_response(BadRequest("The body is incomplete."))
        except InventoryError as error:
            if isinstance(error, Unavailable):
                log.warning("dependency_unavailable", code=error.code, cause=repr(error.__cause__))
            return error_response(error)
        except Exception as error:  # noqa: BLE001 - `error_response` logs it; no detail may reach the client
            internal_error = InventoryError()
            internal_error.__cause__ = error
            return error_response(internal_error)

    return handle_errors
