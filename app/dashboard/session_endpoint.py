"""Sign-in and sign-out: exchange an API key for a session cookie, and end the session."""

from contextlib import suppress

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.auth.authentication import session_token
from app.auth.scopes import Scope
from app.auth.sessions import set_cookie
from app.http.origin import same_origin
from app.rest.responses import answer
from app.services import State
from inventory.core.errors import Forbidden, Unauthenticated
from inventory.core.logging import get_logger

log = get_logger()


class SignedIn(msgspec.Struct, frozen=True, rename="camel"):
    """The client that has signed in."""

    client_id: str


class SessionState(msgspec.Struct, frozen=True, rename="camel"):
    """Whether the browser has a session, so that the page knows which view to show first."""

    signed_in: bool


async def show_session(request: Request[State]) -> Response:
    """`GET /dashboard/session`: whether the cookie names a session.

    Raises:
        SessionsUnavailable: Redis does not answer.
    """
    token, signed_in = session_token(request), False
    if token:
        with suppress(Unauthenticated):
            signed_in = bool(await request.state["services"].authentication.sessions.key_id(token))
    return answer(SessionState(signed_in), headers={"Cache-Control": "no-store"})


async def sign_in(request: Request[State]) -> Response:
    """`POST /dashboard/session`: open a session for the key in the header `X-API-Key`.

    Raises:
        Forbidden: a page of another origin sent the request, or the key lacks `sync:read`.
        Unauthenticated: the key is not valid.
        RateLimited: too many keys of this address were not valid.
    """
    _require_same_origin(request)
    if "x-api-key" not in request.headers:
        raise Unauthenticated("Send an API key in the header X-API-Key.")
    authentication = request.state["services"].authentication
    principal = await authentication.authenticate(request)
    await authentication.authorize_and_count(request, principal, writes=True, legacy=False)
    principal.require(Scope.SYNC_READ)
    token = await authentication.sessions.open(principal.key_id)
    log.info("session_opened", client_id=principal.client_id, key_id=principal.key_id)
    return _with_cookie(request, answer(SignedIn(principal.client_id)), token)


async def sign_out(request: Request[State]) -> Response:
    """`DELETE /dashboard/session`: end the session of the cookie. Without one nothing is left to do.

    Raises:
        Forbidden: a page of another origin sent the request.
        SessionsUnavailable: Redis does not answer, so the session may still be valid.
    """
    _require_same_origin(request)
    if token := session_token(request):
        await request.state["services"].authentication.sessions.close(token)
        log.info("session_closed")
    return _with_cookie(request, Response(status_code=204), "")


def _require_same_origin(request: Request[State]) -> None:
    if not same_origin(request):
        raise Forbidden("Only the dashboard's own page can sign in and out.")


def _with_cookie(request: Request[State], response: Response, token: str) -> Response:
    response.headers["Set-Cookie"] = set_cookie(token, secure=request.url.scheme == "https")
    response.headers["Cache-Control"] = "no-store"
    return response
