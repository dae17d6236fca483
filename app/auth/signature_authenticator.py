"""Authentication of signed requests.

Errors of form (a missing header, a time outside the window) have messages of their own, because they depend on the request alone. An unknown
client and a wrong secret get one message. A client with a genuine signature learns what it still lacks.
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
from app.auth.usage import Usage
from inventory.core.clock import Clock, utc_now
from inventory.core.database import Database
from inventory.core.errors import Unauthenticated


class SignatureAuthenticator:
    """Knows the clients that sign. What a client may do stands on its keys' rows, believed for a few seconds."""

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
        """`secrets`: of each client, the valid ones.

        `hosts`: those that version 2 may be signed for, in small letters; none for any. They keep what was recorded at
        another installation, which knows the same secret, from being sent here under that one's name.
        """
        self._database = database
        self._nonces = nonces
        self._secrets = secrets
        self._hosts = hosts
        self._clock = clock
        self._ticks = ticks
        self._usage = Usage(database, clock)
        # Only clients with a secret come in here, so it can't grow.
        self._cache: dict[str, tuple[float, Sequence[StoredKey]]] = {}

    async def authenticate(self, request: Request[Any]) -> Principal:
        """The client that signed a request.

        Its scopes are those of all its valid keys; it may sign version 1 while one of them allows it.

        Raises:
            Unauthenticated: something is missing or wrong.
            DatabaseUnavailable: what the client may do can't be known now.
        """
        signature = self._read(request)
        target = target_of(request)
        if not signatures.genuine(signature, target, await request.body(), self._secrets):
            raise _refusal()
        if signature.version is SignatureVersion.V2 and self._hosts and target.host.lower() not in self._hosts:
            raise Unauthenticated("The host is not one that this server accepts signatures for.", details=_of("Host"))
        keys = await self._live_keys(signature.client_id, v1=signature.version is SignatureVersion.V1)
        proof = await self._proof(signature)
        await self._usage.note(keys[-1])
        return _principal(signature.client_id, keys, proof)

    def _read(self, request: Request[Any]) -> Signature:
        try:
            signature = signatures.read(request.headers)
        except MalformedSignature as error:
            raise Unauthenticated(str(error), details=_of(error.header)) from None
        now = self._clock().timestamp()
        if not signature.fresh_at(now):
            raise Unauthenticated(
                f"X-Timestamp is {abs(int(now) - int(signature.timestamp))} seconds from the server's time, {int(now)}; "
                f"at most {WINDOW_SECONDS} are accepted. Correct the clock, then sign again.",
                details=_of("X-Timestamp"),
            )
        return signature

    async def renew(self, principal: Principal) -> Principal:
        """A client that signed, as it is now.

        Raises:
            Unauthenticated: it has no valid key any more.
            DatabaseUnavailable: that can't be known now.
        """
        keys = await self._live_keys(principal.client_id, v1=principal.proof is AuthenticationMethod.SIGNED)
        return _principal(principal.client_id, keys, principal.proof)

    async def _live_keys(self, client_id: str, *, v1: bool) -> Sequence[StoredKey]:
        keys = [key for key in await self._keys(client_id) if key.live_at(self._clock())]
        if not keys:
            raise _refusal()
        if v1 and not any(key.signature_v1 for key in keys):
            problem = "This client may not sign version 1. Sign version 2."
            raise Unauthenticated(problem, details=_of("X-Signature-Version"))
        return keys

    async def _proof(self, signature: Signature) -> AuthenticationMethod:
        if signature.version is SignatureVersion.V1:
            return AuthenticationMethod.SIGNED
        try:
            if await self._nonces.first(signature.client_id, signature.nonce):
                return AuthenticationMethod.SIGNED_ONCE
        except NoncesUnavailable:
            return AuthenticationMethod.SIGNED_UNCHECKED
        raise Unauthenticated("X-Nonce was used before. Sign each request with a new one.", details=_of("X-Nonce"))

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


def target_of(request: Request[Any]) -> RequestTarget:
    """What a request was sent to, byte for byte."""
    return RequestTarget(
        method=request.method,
        host=request.headers.get("host", ""),
        path=request.scope["raw_path"].decode("latin-1"),
        query=request.scope["query_string"].decode("latin-1"),
    )


def _of(header: str) -> Mapping[str, str]:
    """The details of an error that a client can correct in one header."""
    return {"header": header}


def _refusal() -> Unauthenticated:
    return Unauthenticated("The signature is not valid.")
