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
    """Authentication of GraphQL and REST requests: first `authenticate`, then `authorize_and_count`."""

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
        return signatures.is_signed(request.headers) or presented_key(request.headers) is not None

    async def authenticate(self, request: Request[Any]) -> Principal:
        """Authenticate the client of a request. The header `X-API-Key` has precedence over other credentials.

        Failures are counted per client address. After too many failures only recently valid keys are looked up: other
        clients behind the same address continue, and guessed keys cost no database query.

        Raises:
            Unauthenticated: credentials are missing or not valid.
            RateLimited: too many failures from this address.
            Unavailable: the database does not answer.
        """
        principal = self._recent(request)
        if principal is not None:
            return principal
        if "x-api-key" not in request.headers and signatures.is_signed(request.headers):
            return await self._count_failures(request, self._signature_authenticator.authenticate(request))
        return await self.authenticate_key(request, request.headers)

    async def authenticate_key(self, connection: HTTPConnection[Any], headers: Headers) -> Principal:
        """Authenticate the client of a request or socket by API key.

        A socket may send the key in its first message; `headers` then hold that key too.

        Raises:
            Unauthenticated, RateLimited, Unavailable: see `authenticate`.
        """
        if presented_key(headers) is None:
            return await self._authenticator.authenticate(headers)
        return await self._count_failures(connection, self._authenticate_key(connection, headers))

    def _recent(self, request: Request[Any]) -> Principal | None:
        """Authenticate a request with one X-API-Key that was valid recently."""
        texts = [value for name, value in request.scope["headers"] if name == b"x-api-key"]
        return self._authenticator.recent(texts[0].decode("latin-1")) if len(texts) == 1 else None

    async def authenticate_session(self, connection: HTTPConnection[Any], headers: Headers) -> Principal | None:
        """The key's principal of a request with a session cookie and without other credentials; None for any other request.

        Only what accepts no cross-site request may call it: a POST of JSON, or a handshake.

        Raises:
            Forbidden: a page of another origin sent the request.
            Unauthenticated: the session has ended, or its key is no longer valid.
            Unavailable: it can't be known now.
        """
        token = session_token(connection)
        if token is None or presented_key(headers) is not None or signatures.is_signed(headers):
            return None
        if not same_origin(connection):
            raise Forbidden("A session is valid for requests of the dashboard's own pages only.")
        return await self._authenticator.authenticate_id(await self.sessions.key_id(token))

    async def renew(self, principal: Principal, headers: Headers) -> Principal:
        """Reauthenticate the client of an open connection, by the headers of its first authentication.

        Raises:
            Unauthenticated: the key is no longer valid, or the client that signed has no valid key.
            DatabaseUnavailable: the database does not answer.
        """
        if principal.proof is AuthenticationMethod.KEY:
            return await self._authenticator.authenticate(headers)
        if principal.proof is AuthenticationMethod.SESSION:
            token = token_of(headers, secure=True) or token_of(headers, secure=False) or ""
            return await self._authenticator.authenticate_id(await self.sessions.key_id(token))
        return await self._signature_authenticator.renew(principal)

    async def _authenticate_key(self, connection: HTTPConnection[Any], headers: Headers) -> Principal:
        _check_single_key(headers)
        if presented_key(headers) and not self._authenticator.was_valid_recently(headers):
            failures = self._limiter.limits.failures
            _apply(connection, await self._limiter.peek(failures, _address(connection)), only_if_rejected=True)
        return await self._authenticator.authenticate(headers)

    async def _count_failures(self, connection: HTTPConnection[Any], authentication: Awaitable[Principal]) -> Principal:
        try:
            return await authentication
        except Unauthenticated:
            failures = self._limiter.limits.failures
            _apply(connection, await self._limiter.take(failures, _address(connection)), only_if_rejected=True)
            raise

    async def authorize_and_count(
        self, request: HTTPConnection[Any], principal: Principal, *, writes: bool, legacy: bool
    ) -> None:
        """Apply the rate limit of a request, and reject a write that may be a replay.

        `legacy` marks operations for clients of the previous system, which sign with version 1 only.

        Raises:
            RateLimited: the client has exceeded its rate limit.
            Forbidden: a write is signed with version 1, which does not prevent replays.
            NoncesUnavailable: the nonce of a write cannot be checked.
        """
        limit = self._limiter.limits.writes if writes else self._limiter.limits.reads
        _apply(request, await self._limiter.take(limit, principal.key_id))
        if principal.proof is AuthenticationMethod.SIGNED and writes and not legacy:
            raise Forbidden("Signature version 1 does not prevent replays. Sign this request with version 2.")
        if principal.proof is AuthenticationMethod.SIGNED_UNCHECKED:
            if writes:
                raise NoncesUnavailable
            self._nonces.count_unchecked(principal.client_id)


def session_token(connection: HTTPConnection[Any]) -> str | None:
    """The token of the session that a browser sends along."""
    return token_of(connection.headers, secure=connection.scope["scheme"] in {"https", "wss"})


def _check_single_key(headers: Headers) -> None:
    """Reject a request with two keys: a proxy may have checked the other key."""
    header = "x-api-key" if "x-api-key" in headers else "authorization"
    if len(headers.getlist(header)) > 1:
        raise Unauthenticated("The API key is not valid.")


def _apply(request: HTTPConnection[Any], decision: RateLimitDecision, *, only_if_rejected: bool = False) -> None:
    if not (only_if_rejected and decision.passes):
        add_headers(request.scope, decision.headers)
    decision.check()


def _address(request: HTTPConnection[Any]) -> str:
    """Return the key of the failure limit: the IPv4 address or the IPv6 /64 network of the client."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or int(address) >> 64)
    return str(address)
