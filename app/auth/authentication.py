"""Authentication of requests by API key or signature, and rate limits of authenticated requests."""

from collections.abc import Awaitable
from ipaddress import IPv6Address, ip_address
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request

from app.auth import signatures
from app.auth.authenticator import Authenticator, presented_key
from app.auth.limits import RateLimitDecision, RequestRateLimiter
from app.auth.nonces import Nonces, NoncesUnavailable
from app.auth.scopes import AuthenticationMethod, Principal
from app.auth.sessions import Sessions, token_of
from app.auth.signature_authenticator import SignatureAuthenticator
from app.http.origin import same_origin
from app.http.response_headers import add_headers
from inventory.core.errors import Forbidden, Unauthenticated


class Authentication:
    """Authenticates every request of GraphQL and REST: `authenticate` first, then `authorize_and_count`."""

    def __init__(
        self,
        authenticator: Authenticator,
        signature_authenticator: SignatureAuthenticator,
        nonces: Nonces,
        limiter: RequestRateLimiter,
        sessions: Sessions,
    ) -> None:
        self.sessions = sessions
        self._authenticator = authenticator
        self._signature_authenticator = signature_authenticator
        self._nonces = nonces
        self._limiter = limiter

    @staticmethod
    def has_credentials(request: Request[Any]) -> bool:
        """Whether the request has a key or a signature."""
        return signatures.signed(request.headers) or presented_key(request.headers) is not None

    async def authenticate(self, request: Request[Any]) -> Principal:
        """Authenticate the caller. The header `X-API-Key` has precedence over every other credential.

        Failures are counted for each client address. Where there are too many, a key is no longer looked up unless it was
        valid before: others behind the same address go on, and guesses cost us nothing.

        Raises:
            Unauthenticated: the request has no credentials, or they are wrong.
            RateLimited: it was not true too often.
            Unavailable: it can't be known now.
        """
        if "x-api-key" not in request.headers and signatures.signed(request.headers):
            return await self._counted(request, self._signature_authenticator.authenticate(request))
        return await self.authenticate_key(request, request.headers)

    async def authenticate_key(self, connection: HTTPConnection[Any], headers: Headers) -> Principal:
        """Who is calling by a key. A socket may also bring one in its first message: `headers` are what it said in all.

        Raises:
            Unauthenticated: as `authenticate`, and so on.
        """
        if presented_key(headers) is None:
            return await self._authenticator.authenticate(headers)
        return await self._counted(connection, self._by_key(connection, headers))

    async def authenticate_session(self, connection: HTTPConnection[Any], headers: Headers) -> Principal | None:
        """The key's principal of a request with a session cookie and without other credentials; None for any other request.

        Only what accepts no cross-site request may call it: a POST of JSON, or a handshake.

        Raises:
            Forbidden: a page of another origin sent the request.
            Unauthenticated: the session has ended, or its key is no longer valid.
            Unavailable: it can't be known now.
        """
        token = session_token(connection)
        if token is None or presented_key(headers) is not None or signatures.signed(headers):
            return None
        if not same_origin(connection):
            raise Forbidden("A session is valid for requests of the dashboard's own pages only.")
        return await self._authenticator.authenticate_id(await self.sessions.key_id(token))

    async def renew(self, principal: Principal, headers: Headers) -> Principal:
        """A caller who stays connected, as it is now: by the headers with which it was let in.

        Raises:
            Unauthenticated: its key is no longer valid, or the client that signed has none any more.
            DatabaseUnavailable: that can't be known now.
        """
        if principal.proof is AuthenticationMethod.KEY:
            return await self._authenticator.authenticate(headers)
        if principal.proof is AuthenticationMethod.SESSION:
            token = token_of(headers, secure=True) or token_of(headers, secure=False) or ""
            return await self._authenticator.authenticate_id(await self.sessions.key_id(token))
        return await self._signature_authenticator.renew(principal)

    async def _by_key(self, connection: HTTPConnection[Any], headers: Headers) -> Principal:
        _check_single_key(headers)
        if presented_key(headers) and not self._authenticator.remembers(headers):
            failures = self._limiter.limits.failures
            _apply(connection, await self._limiter.peek(failures, _address(connection)), only_refusals=True)
        return await self._authenticator.authenticate(headers)

    async def _counted(self, connection: HTTPConnection[Any], admission: Awaitable[Principal]) -> Principal:
        try:
            return await admission
        except Unauthenticated:
            failures = self._limiter.limits.failures
            _apply(connection, await self._limiter.take(failures, _address(connection)), only_refusals=True)
            raise

    async def authorize_and_count(
        self, request: HTTPConnection[Any], principal: Principal, *, writes: bool, legacy: bool
    ) -> None:
        """Count a request once its scope is known, and reject one that may be a replay.

        `legacy`: whether clients of the previous system rely on it, which can sign in no other way than version 1.

        Raises:
            RateLimited: the caller has asked too often.
            Forbidden: it changes something, and its signature is one that can be sent again.
            NoncesUnavailable: it changes something, and its nonce can't be looked up.
        """
        limit = self._limiter.limits.writes if writes else self._limiter.limits.reads
        _apply(request, await self._limiter.take(limit, principal.key_id))
        if principal.proof is AuthenticationMethod.SIGNED and writes and not legacy:
            raise Forbidden("Sign this with version 2, which can't be sent again.")
        if principal.proof is AuthenticationMethod.SIGNED_UNCHECKED:
            if writes:
                raise NoncesUnavailable
            self._nonces.let_through(principal.client_id)


def session_token(connection: HTTPConnection[Any]) -> str | None:
    """The token of the session that a browser sends along."""
    return token_of(connection.headers, secure=connection.url.scheme in {"https", "wss"})


def _check_single_key(headers: Headers) -> None:
    """Reject two keys in one request: a proxy may have checked the other one."""
    deciding = "x-api-key" if "x-api-key" in headers else "authorization"
    if len(headers.getlist(deciding)) > 1:
        raise Unauthenticated("The API key is not valid.")


def _apply(request: HTTPConnection[Any], decision: RateLimitDecision, *, only_refusals: bool = False) -> None:
    if not (only_refusals and decision.passes):
        add_headers(request.scope, decision.headers)
    decision.check()


def _address(request: HTTPConnection[Any]) -> str:
    """The address that failures are counted for: the client's, of IPv6 the network that a customer usually gets."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or int(address) >> 64)
    return str(address)
