"""Nonce store for replay protection of signed requests, in Redis for all processes."""

import hashlib

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.auth.signatures import WINDOW_SECONDS
from inventory.core.errors import Unavailable
from inventory.core.logging import get_logger

log = get_logger()

# A timestamp may be one window before or after the server time, so a request is valid for at most two windows.
_TTL_SECONDS = 2 * WINDOW_SECONDS


class NoncesUnavailable(Unavailable):
    """The nonce of the request cannot be checked. Send the request again later with a new nonce."""


class Nonces:
    """Store of used nonces. `unchecked` counts reads that were answered without a nonce check."""

    def __init__(self, redis: Redis, prefix: str = "diamond-inventory:nonce:") -> None:
        self._redis = redis
        self._prefix = prefix
        self.unchecked = 0

    async def register(self, client_id: str, nonce: str) -> bool:
        """Store a nonce. Return whether it is new.

        Raises:
            NoncesUnavailable: Redis does not answer.
        """
        # Hashed, because clients choose the length of the text.
        name = self._prefix + hashlib.sha256(f"{client_id}\n{nonce}".encode("latin-1")).hexdigest()
        try:
            return bool(await self._redis.set(name, b"", nx=True, ex=_TTL_SECONDS))
        except (RedisError, OSError, TimeoutError) as error:
            raise NoncesUnavailable from error

    def count_unchecked(self, client_id: str) -> None:
        """Count a read that is answered without a nonce check."""
        self.unchecked += 1
        log.warning("nonce_unchecked", client_id=client_id, unchecked=self.unchecked)
