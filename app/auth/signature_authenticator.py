"""Authentication of signed requests.

Format errors (a missing header, a timestamp outside the window) have specific messages, because they depend on the
request alone. An unknown client and a wrong secret get the same message. A client with a valid signature gets a specific
message for each further problem.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from time import monotonic
from typing import Any

from starlette.requests import Request

from app.auth import repository, signatures
from app.auth.authenticator import CACHE_SECONDS
from app.auth.nonces import Nonces, NoncesUnavailable
from app.auth.repository import StoredKey
from app.auth.scopes import AuthenticationMethod, Principal
from app.auth.signatures import WINDOW_SECONDS, MalformedSignature, RequestTarget, Signature, SignatureVersion
from app.auth.usage import KeyUsage
from inventory.core.clock import Clock, utc_now
from inventory.core.database import Database
from inventory.core.errors import Unauthenticated


class SignatureAuthenticator:
    """Signature authenticator. A client has the scopes of its API keys, which are cached for `CACHE_SECONDS`."""

    def __init__(
        self,
        database: Database,
        nonces: Nonces,
        secrets: Mapping[str, Sequence[bytes]],
        *,
        hosts: Collection[str] = (),
        clock: Clock = utc_now,
        ticks: Callable[[], float] = monotonic,
    ) -> None:
        """`secrets` maps a client id to its valid secrets.

        `hosts`: the hosts, in lower case, that version 2 may be signed for; empty for any host. They prevent the replay of
        a request that was recorded at another installation with the same secret.
        """
        self._database = database
        self._nonces = nonces
        self._secrets = secrets
        self._hosts = hosts
        self._clock = clock
        self._ticks = ticks
        self._usage = KeyUsage(database, clock)
        # Bounded: only clients with a configured secret are cached.
        self._cache: dict[str, tuple[float, Sequence[StoredKey]]] = {}

    async def authenticate(self, request: Request[Any]) -> Principal:
        """Authenticate the client that signed a request.

        The client has the scopes of all its valid keys. It may sign with version 1 if one of these keys allows it.

        Raises:
            Unauthenticated: a header is missing or wrong, or the signature is not valid.
            DatabaseUnavailable: the database does not answer.
        """
        signature = self._read(request)
        target = target_header_details(request)
        if not signatures.is_valid(signature, target, await request.body(), self._secrets):
            raise _invalid_signature()
        if signature.version is SignatureVersion.V2 and self._hosts and target.host.lower() not in self._hosts:
            raise Unauthenticated(
                "This server does not accept signatures for this host. Sign for a host that HMAC_HOSTS lists.",
                details=_header_details("Host"),
            )
        keys = await self._valid_keys(signature.client_id, v1=signature.version is SignatureVersion.V1)
        proof = await self._check_replay(signature)
        await self._usage.record(keys[-1])
        return _principal(signature.client_id, keys, proof)

    def _read(self, request: Request[Any]) -> Signature:
        try:
            signature = signatures.read(request.headers)
        except MalformedSignature as error:
            raise Unauthenticated(str(error), details=_header_details(error.header)) from None
        now = self._clock().timestamp()
        if not signature.is_timely(now):
            raise Unauthenticated(
                f"X-Timestamp is {abs(int(now) - int(signature.timestamp))} seconds from the server's time, {int(now)}; "
                f"at most {WINDOW_SECONDS} are accepted. Correct the clock, then sign again.",
                details=_header_details("X-Timestamp"),
            )
        return signature

    async def renew(self, principal: Principal) -> Principal:
        """Reauthenticate a client that has signed a request.

        Raises:
            Unauthenticated: the client has no valid key.
            DatabaseUnavailable: the database does not answer.
        """
        keys = await self._valid_keys(principal.client_id, v1=principal.proof is AuthenticationMethod.SIGNED)
        return _principal(principal.client_id, keys, principal.proof)

    async def _valid_keys(self, client_id: str, *, v1: bool) -> Sequence[StoredKey]:
        keys = [key for key in await self._keys(client_id) if key.live_at(self._clock())]
        if not keys:
            raise _invalid_signature()
        if v1 and not any(key.signature_v1 for key in keys):
            problem = "This client may not sign version 1. Sign version 2."
            raise Unauthenticated(problem, details=_header_details("X-Signature-Version"))
        return keys

    async def _check_replay(self, signature: Signature) -> AuthenticationMethod:
        if signature.version is SignatureVersion.V1:
            return AuthenticationMethod.SIGNED
        try:
            if await self._nonces.register(signature.client_id, signature.nonce):
                return AuthenticationMethod.SIGNED_ONCE
        except NoncesUnavailable:
            return AuthenticationMethod.SIGNED_UNCHECKED
        raise Unauthenticated(
            "X-Nonce was used before. Sign each request with a new one.", details=_header_details("X-Nonce")
        )

    async def _keys(self, client_id: str) -> Sequence[StoredKey]:
        cached = self._cache.get(client_id)
        if cached and self._ticks() - cached[0] < CACHE_SECONDS:
            return cached[1]
        read_at = self._ticks()
        async with self._database.bounded() as connection:
            keys = await repository.of_client(connection, client_id)
        self._cache[client_id] = (read_at, keys)
        return keys


def _principal(client_id: str, keys: Sequence[StoredKey], proof: AuthenticationMethod) -> Principal:
    return Principal(client_id, keys[-1].id, frozenset(scope for key in keys for scope in key.scopes), proof)


def target_header_details(request: Request[Any]) -> RequestTarget:
    """Return the target of a request, as raw bytes decoded as Latin-1."""
    return RequestTarget(
        method=request.method,
        host=request.headers.get("host", ""),
        path=request.scope["raw_path"].decode("latin-1"),
        query=request.scope["query_string"].decode("latin-1"),
    )


def _header_details(header: str) -> Mapping[str, str]:
    """Return the error details that name a header."""
    return {"header": header}


def _invalid_signature() -> Unauthenticated:
    return Unauthenticated("The signature is not valid.")
