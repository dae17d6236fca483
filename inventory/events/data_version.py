"""Data version shared by concurrent requests: one statement answers all requests that arrived before it was sent."""

import asyncio

from inventory.core.database import Database
from inventory.core.errors import DatabaseUnavailable
from inventory.events.log import data_version


class DataVersion:
    """Version of the visible data (`inventory.events.log.data_version`), read after each request for it."""

    def __init__(self, database: Database) -> None:
        self._database = database
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

    async def _read(self) -> None:
        covered = self._arrived
        try:
            async with self._database.bounded() as connection:
                self._version = await data_version(connection)
        except DatabaseUnavailable as failure:
            self._failed, self._failure = covered, failure
            raise
        self._answered = covered
