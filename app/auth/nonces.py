"""Nonces of signed requests: each works once. Kept in Redis, for all processes."""

import hashlib

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.auth.signatures import WINDOW_SECONDS
from inventory.core.errors import Unavailable
from inventory.core.logging import get_logger

log = get_logger()

# A request's time may lie a window before or after ours, so it is fresh for two of them at most.
_KEPT_SECONDS = 2 * WINDOW_SECONDS


class NoncesUnavailable(Unavailable):
    """Whether the request is a repetition can't be known now; try again soon."""


class Nonces:
    """Remembers which nonces were used. `unchecked` counts the requests that were let through without a look."""

    def __init__(self, redis: Redis, prefix: str = "diamond-inventory:nonce:") -> None:
        self._redis = redis
        self._prefix = prefix
        self.unchecked = 0

    async def first(self, client_id: str, nonce: str) -> bool:
        """Whether this is the first time; from now on it no longer is.

        Raises:
            NoncesUnavailable: Redis does not answer.
        """
        # Hashed, so that a client can't choose the length of our keys.
        name = self._prefix + hashlib.sha256(f"{client_id}\n{nonce}".encode("latin-1")).hexdigest()
        try:
            return bool(await self._redis.set(name, b"", nx=True, ex=_KEPT_SECONDS))
        except (RedisError, OSError, TimeoutError) as error:
            raise NoncesUnavailable from error

    def let_through(self, client_id: str) -> None:
        """Count a read that is answered although its nonce could not be looked up."""
        self.unchecked += 1
        log.warning("nonce not checked", client_id=client_id, unchecked=self.unchecked)
