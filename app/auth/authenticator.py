"""From a request's headers to a principal: one path for every key, whatever is wrong with it."""

import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping
from time import monotonic

from app.auth import keys, repository
from app.auth.repository import StoredKey
from app.auth.scopes import Principal
from app.auth.usage import Usage
from inventory.core.clock import Clock, utc_now
from inventory.core.database import Database
from inventory.core.errors import Unauthenticated

# How long a row is believed: what an operator revokes is closed everywhere after this.
CACHE_SECONDS = 5.0
_CACHE_SIZE = 10_000
# What a key is compared with when there is no row: the comparison takes place either way.
_NOBODYS_HASH = "0" * 64


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The key in a request's headers: `X-API-Key`, which alone decides when it is there, or a bearer token."""
    key = headers.get("x-api-key")
    if key is not None:
        return key
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else None


class Authenticator:
    """Knows keys. Rows are cached for a few seconds, bounded in number; a key that is not valid is never cached."""

    def __init__(self, database: Database, *, clock: Clock = utc_now, ticks: Callable[[], float] = monotonic) -> None:
        """`ticks`: seconds, for the cache's age."""
        self._database = database
        self._clock = clock
        self._ticks = ticks
        self._usage = Usage(database, clock)
        self._cache: OrderedDict[str, tuple[float, StoredKey]] = OrderedDict()

    async def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """The principal of a request.

        Raises:
            Unauthenticated: there is no key, or it is not valid; which of the two is all that the message tells.
            DatabaseUnavailable: whether the key is valid can't be known now.
        """
        text = presented_key(headers)
        if not text:
            raise Unauthenticated("Send an API key in the header X-API-Key.")
        stored = await self._stored(text)
        if stored is None or not stored.live_at(self._clock()):
            raise Unauthenticated("The API key is not valid.")
        return Principal(stored.client_id, stored.id, frozenset(stored.scopes))

    def remembers(self, headers: Mapping[str, str]) -> bool:
        """Whether the key in the headers was valid a while ago, so that it is worth a look."""
        key = presented_key(headers) or ""
        return len(key) <= keys.LONGEST_KEY and keys.digest(key.encode("latin-1")) in self._cache

    async def _stored(self, text: str) -> StoredKey | None:
        if len(text) > keys.LONGEST_KEY:
            return None
        parsed = keys.parse(text)
        if parsed is None and text.startswith(keys.PREFIX):
            return None  # a typing error in a key of ours: nothing to look up
        # Headers are decoded as Latin-1: this gives back the bytes that were sent.
        key_hash = keys.digest(text.encode("latin-1"))
        cached = self._cache.get(key_hash)
        if cached and self._ticks() - cached[0] < CACHE_SECONDS:
            return cached[1]
        self._cache.pop(key_hash, None)
        read_at = self._ticks()
        async with self._database.bounded() as connection:
            if parsed:
                stored = await repository.by_id(connection, parsed.id)
            else:
                stored = await repository.by_hash(connection, key_hash)
        matches = hmac.compare_digest(key_hash, stored.key_hash if stored else _NOBODYS_HASH)
        if stored is None or not matches:
            return None
        self._remember(key_hash, read_at, stored)
        await self._usage.note(stored)
        return stored

    def _remember(self, key_hash: str, read_at: float, stored: StoredKey) -> None:
        self._cache[key_hash] = (read_at, stored)
        self._cache.move_to_end(key_hash)
        while len(self._cache) > _CACHE_SIZE:
            self._cache.popitem(last=False)
