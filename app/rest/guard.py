"""The door that every REST route has: who is calling, whether they may, and a clean answer whatever happens inside."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.auth.scopes import Principal, Scope
from app.rest.caching import conditional, spares, tag_of_data, tagged, unchanged
from app.rest.errors import refusal
from app.services import State
from inventory.core.errors import BadRequest, InventoryError, Unavailable
from inventory.core.logging import get_logger

log = get_logger()

Handler = Callable[[Request[State], Principal], Awaitable[Response]]
Endpoint = Callable[[Request[State]], Awaitable[Response]]


def requiring(scope: Scope, handler: Handler, *, writes: bool = False, versioned: bool = False) -> Endpoint:
    """An endpoint for callers with `scope`.

    `writes`: it changes something. `versioned`: its answer depends on diamonds and holds only, and a client that has it is spared
    it by the version of the data.
    """

    async def guarded(request: Request[State]) -> Response:
        authentication = request.state["services"].authentication
        principal = await authentication.authenticate(request)
        structlog.contextvars.bind_contextvars(client_id=principal.client_id)
        await authentication.authorize_and_count(request, principal, writes=writes, legacy=True)
        principal.require(scope)
        if not versioned:
            return await handler(request, principal)
        tag = await tag_of_data(request, principal)
        return unchanged(tag) if spares(request, tag) else tagged(await handler(request, principal), tag)

    return everyone(guarded)


def everyone(endpoint: Endpoint) -> Endpoint:
    """An endpoint without authentication. Its errors become responses; unexpected ones are logged."""

    async def safe(request: Request[State]) -> Response:
        try:
            return conditional(request, await endpoint(request))
        except ClientDisconnect:
            return refusal(BadRequest("The body is incomplete."))
        except InventoryError as error:
            if isinstance(error, Unavailable):
                log.warning("server unavailable", code=error.code, cause=repr(error.__cause__))
            return refusal(error)
        except Exception as error:  # noqa: BLE001 - logged there; nothing of it may reach the client
            unforeseen = InventoryError()
            unforeseen.__cause__ = error
            return refusal(unforeseen)

    return safe
