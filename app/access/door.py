"""The door: who is calling, by key or by signature, and what a request that may be a repetition is good for."""

from typing import Any

from starlette.requests import Request

from app.access import signatures
from app.access.authenticator import Authenticator, presented_key
from app.access.nonces import Nonces, NoncesUnavailable
from app.access.scopes import Principal, Proof
from app.access.signers import Signers
from app.core.errors import Forbidden


class Door:
    """Every request comes through here, whichever face of the inventory it asks."""

    def __init__(self, authenticator: Authenticator, signers: Signers, nonces: Nonces) -> None:
        self._authenticator = authenticator
        self._signers = signers
        self._nonces = nonces

    @staticmethod
    def has_credentials(request: Request[Any]) -> bool:
        """Whether someone says who they are."""
        return signatures.signed(request.headers) or presented_key(request.headers) is not None

    async def admit(self, request: Request[Any]) -> Principal:
        """Who is calling. When the header `X-API-Key` is there it alone decides.

        Raises:
            Unauthenticated: nobody says who they are, or it is not true.
            Unavailable: it can't be known now.
        """
        if "x-api-key" not in request.headers and signatures.signed(request.headers):
            return await self._signers.authenticate(request)
        return await self._authenticator.authenticate(request.headers)

    def settle(self, principal: Principal, *, writes: bool, legacy: bool) -> None:
        """Decide what becomes of a request that may be someone's recording, now that it is known what it does.

        `legacy`: whether clients of the previous system rely on it, which can sign in no other way than version 1.

        Raises:
            Forbidden: it changes something, and its signature is one that can be sent again.
            NoncesUnavailable: it changes something, and its nonce can't be looked up.
        """
        if principal.proof is Proof.SIGNED and writes and not legacy:
            raise Forbidden("Sign this with version 2, which can't be sent again.")
        if principal.proof is Proof.SIGNED_UNCHECKED:
            if writes:
                raise NoncesUnavailable
            self._nonces.let_through(principal.client_id)
