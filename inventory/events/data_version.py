"""Data version shared by requests: one statement answers all that arrived before it was sent, and others for a moment."""

import asyncio
import time
from collections.abc import Callable
from math import inf

from inventory.core.database import Database
from inventory.core.errors import DatabaseUnavailable
from inventory.events.log import data_version


class DataVersion:
    """Version of the visible data (`inventory.events.log.data_version`).

    `current` reads it after each request for it. `recent` may answer without a statement.
    """

    def __init__(
        self, database: Database, *, max_age_seconds: float = 0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`max_age_seconds`: how long `recent` returns a version, unless `expire` ends it; 0 for not at all."""
        self._database = database
        self._max_age = max_age_seconds
        self._monotonic = monotonic
        # When the read of the version began; -inf after a change.
        self._read_at = -inf
        self._changes = 0
        self._reading = asyncio.Lock()
        self._arrived = 0
        # The requests up to this number are answered by `_version`, which was read after they arrived.
        self._answered = 0
        self._version = ""
        # Why those up to `_failed` got no answer: each of them would otherwise wait for its own failure in turn.
        self._failed = 0
        self._failure: DatabaseUnavailable | None = None

    async def current(self) -> str:
        """Return a version that the data had between this call and its return.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        self._arrived += 1
        number = self._arrived
        try:
            async with asyncio.timeout(self._database.acquire_timeout), self._reading:
                if self._answered < number:
                    if self._failed >= number:
                        raise DatabaseUnavailable from self._failure
                    await self._read()
                return self._version
        except TimeoutError as error:
            raise DatabaseUnavailable from error

    async def recent(self) -> str:
        """Return a version that the data had at most `max_age_seconds` before this call, and after the last `expire`.

        Raises:
            DatabaseUnavailable: there is no such version, and the database does not answer.
        """
        if self._monotonic() - self._read_at < self._max_age:
            return self._version
        return await self.current()

    def expire(self) -> None:
        """End the current version: the data may have changed."""
        self._read_at = -inf
        self._changes += 1

    async def _read(self) -> None:
        covered, changes, begun = self._arrived, self._changes, self._monotonic()
        try:
            async with self._database.bounded() as connection:
                self._version = await data_version(connection)
        except DatabaseUnavailable as failure:
            self._failed, self._failure = covered, failure
            raise
        self._answered = covered
        if changes == self._changes:
            self._read_at = begun
