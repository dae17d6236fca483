"""Persisted documents: clients register them in advance under the SHA-256 of their text."""

import hashlib

from cachetools import LRUCache

from inventory.core.clock import Clock, utc_now
from inventory.core.database import Database
from inventory.core.errors import NotFound
from inventory.core.sql import Statements

sql = Statements("app.graphql.http")

_PREFIX = "sha256:"
_MAX_KNOWN = 1000


def document_id(text: str) -> str:
    """Return the id of a document: hexadecimal SHA-256 of its UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


class PersistedDocuments:
    """Registered documents. An id always means the same text, so documents that were found are cached."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._known: LRUCache[str, str] = LRUCache(_MAX_KNOWN)

    async def text(self, given: str) -> str:
        """Return the document with an id, with or without the prefix `sha256:`.

        Raises:
            NotFound: it is not registered.
        """
        key = given.removeprefix(_PREFIX).lower()
        text = self._known.get(key)
        if text is None:
            async with self._database.bounded() as connection:
                text = await connection.fetchval(sql.document, key.replace("\x00", "\ufffd"))
            if text is None:
                raise NotFound("No document is registered under this documentId.")
            self._known[key] = text
        return text

    async def knows(self, text: str) -> bool:
        """Whether a text is registered."""
        try:
            await self.text(document_id(text))
        except NotFound:
            return False
        return True

    async def register(self, text: str, *, client_id: str, name: str) -> str:
        """Register a document; return its id."""
        key = document_id(text)
        async with self._database.bounded() as connection:
            await connection.execute(sql.register_document, key, client_id, name, text, self._clock())
        return key
