"""API key authentication with a constant-time lookup."""

import hmac
from collections.abc import Callable, Mapping
from time import monotonic
from typing import NamedTuple

from cachetools import LRUCache

from app.auth import keys, repository
from app.auth.repository import StoredKey
from app.auth.scopes import AuthenticationMethod, Principal
from app.auth.usage import KeyUsage
from inventory.core.clock import Clock, utc_now
from inventory.core.database import Database
from inventory.core.errors import Unauthenticated

# Maximum age of a cached row, and so the maximum time until a revoked key is rejected.
CACHE_SECONDS = 5.0
_CACHE_SIZE = 10_000
# Compared with unknown keys, so that unknown and wrong keys take the same time.
_NO_KEY_HASH = "0" * 64


def presented_key(headers: Mapping[str, str]) -> str | None:
    """Return the key in the headers: `X-API-Key`, or else a bearer token."""
    key = headers.get("x-api-key")
    if key is not None:
        return key
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else None


class _CachedKey(NamedTuple):
    """A valid key with its client, and when its row was read."""

    read_at: float
    stored: StoredKey
    principal: Principal


class Authenticator:
    """API key authenticator. Rows of valid keys are cached for `CACHE_SECONDS`; invalid keys are never cached."""

    def __init__(self, database: Database, *, clock: Clock = utc_now, ticks: Callable[[], float] = monotonic) -> None:
        """`ticks` returns monotonic seconds, for the age of cached rows."""
        self._database = database
        self._clock = clock
        self._ticks = ticks
        self._usage = KeyUsage(database, clock)
        self._cache: LRUCache[str, _CachedKey] = LRUCache(_CACHE_SIZE)

    async def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """Authenticate a request by its key.

        Raises:
            Unauthenticated: the key is missing or not valid.
            DatabaseUnavailable: the database does not answer.
        """
        text = presented_key(headers)
        if not text:
            raise Unauthenticated("Send an API key in the header X-API-Key.")
        found = self._cached(text) or await self._looked_up(text)
        if found is None or not found.stored.live_at(self._clock()):
            raise Unauthenticated("The API key is not valid.")
        return found.principal

    def recent(self, text: str) -> Principal | None:
        """Authenticate a key by a cached row, without the database; None if there is none, or it is not valid now."""
        found = self._cached(text)
        return found.principal if found and found.stored.live_at(self._clock()) else None

    async def authenticate_id(self, key_id: str) -> Principal:
        """Authenticate a session by the current row of its key.

        Raises:
            Unauthenticated: the key is no longer valid.
            DatabaseUnavailable: the database does not answer.
        """
        async with self._database.bounded() as connection:
            stored = await repository.by_id(connection, key_id)
        if stored is None or not stored.live_at(self._clock()):
            raise Unauthenticated("The API key of this session is no longer valid.")
        await self._usage.record(stored)
        return Principal(stored.client_id, stored.id, frozenset(stored.scopes), AuthenticationMethod.SESSION)

    def was_valid_recently(self, headers: Mapping[str, str]) -> bool:
        """Whether the cache holds the key of the headers."""
        key = presented_key(headers) or ""
        return len(key) <= keys.MAX_KEY_LENGTH and keys.digest(key.encode("latin-1")) in self._cache

    def _cached(self, text: str) -> _CachedKey | None:
        if len(text) > keys.MAX_KEY_LENGTH:
            return None
        # Headers are decoded as Latin-1; this restores the bytes that were sent.
        found = self._cache.get(keys.digest(text.encode("latin-1")))
        return found if found and self._ticks() - found.read_at < CACHE_SECONDS else None

    async def _looked_up(self, text: str) -> _CachedKey | None:
        if len(text) > keys.MAX_KEY_LENGTH:
            return None
        parsed = keys.parse(text)
        if parsed is None and text.startswith(keys.PREFIX):
            return None  # the checksum of the key is wrong: no lookup
        key_hash = keys.digest(text.encode("latin-1"))
        self._cache.pop(key_hash, None)
        read_at = self._ticks()
        async with self._database.bounded() as connection:
            if parsed:
                stored = await repository.by_id(connection, parsed.id)
            else:
                stored = await repository.by_hash(connection, key_hash)
        matches = hmac.compare_digest(key_hash, stored.key_hash if stored else _NO_KEY_HASH)
        if stored is None or not matches:
            return None
        found = _CachedKey(read_at, stored, Principal(stored.client_id, stored.id, frozenset(stored.scopes)))
        self._cache[key_hash] = found
        await self._usage.record(stored)
        return found
