"""Persisted documents: those that clients have registered beforehand, under the SHA-256 of their text."""

import hashlib
from collections import OrderedDict

from inventory.core.clock import Clock, utc_now
from inventory.core.database import Database
from inventory.core.errors import NotFound
from inventory.core.sql import Statements

sql = Statements("app.graphql.http")

_PREFIX = "sha256:"
_MOST_KNOWN = 1000


def document_id(text: str) -> str:
    """The id of a document: the SHA-256 of its UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


class PersistedDocuments:
    """The registered documents. What a text means never changes under its id, so those found are remembered."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[str, str] = OrderedDict()

    async def text(self, given: str) -> str:
        """The document with this id, `sha256:` before it or not.

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
        self._known.move_to_end(key)
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return text

    async def knows(self, text: str) -> bool:
        """Whether a text is registered."""
        try:
            await self.text(document_id(text))
        except NotFound:
            return False
        return True

    async def register(self, text: str, *, client_id: str, name: str) -> str:
        """From now on the document is known; answers its id."""
        key = document_id(text)
        async with self._database.bounded() as connection:
            await connection.execute(sql.register_document, key, client_id, name, text, self._clock())
        return key
