"""Saved searches: filters that a client stores under a name, for itself or for one of its shoppers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from inventory.core.database import Database
from inventory.core.errors import Conflict, NotFound, ValidationFailed
from inventory.core.sql import Statements
from inventory.core.texts import MAX_WORD_LENGTH, Text, check

sql = Statements("inventory.searches")

MAX_PER_CLIENT = 10_000
MAX_PER_REFERENCE = 50
_MAX_FILTER_BYTES = 16_384


class SavedSearch(msgspec.Struct, frozen=True):
    """A filter under a name. `filter`: by the names of the schema. `reference`: None for the client as a whole."""

    id: UUID
    client_id: str
    reference: str | None
    name: str
    filter: Mapping[str, Any]
    saved_at: datetime


class SavedSearches:
    """Stores, lists and deletes the searches of clients."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(
        self, client_id: str, name: str, criteria: Mapping[str, Any], *, reference: str | None
    ) -> SavedSearch:
        """Save a filter under a name. A search with this name is replaced and keeps its id.

        Raises:
            ValidationFailed: the name is blank or too long, or the filter is too large.
            Conflict: the client or the reference has reached its limit.
        """
        check({"name": Text(name, MAX_WORD_LENGTH)})
        if len(msgspec.json.encode(criteria)) > _MAX_FILTER_BYTES:
            raise ValidationFailed({"filter": f"should hold at most {_MAX_FILTER_BYTES} bytes"})
        async with self._database.bounded_transaction() as connection:
            await connection.execute(sql.lock_client, client_id)
            row = await connection.fetchrow(
                sql.set_search, client_id, reference, name, criteria, MAX_PER_CLIENT, MAX_PER_REFERENCE
            )
        if row is None:
            raise Conflict(
                f"At most {MAX_PER_REFERENCE} searches of a reference and {MAX_PER_CLIENT} of a client are saved. Delete one first."
            )
        return SavedSearch(**row)

    async def page(
        self, client_id: str, *, reference: str | None, after: tuple[datetime, UUID] | None, limit: int
    ) -> tuple[list[SavedSearch], bool]:
        """Read a page of a client's searches, the last saved first, and whether more follow. `reference`: None for all."""
        async with self._database.bounded() as connection:
            rows = await connection.fetch(
                sql.page_of_searches, client_id, reference, *(after or (None, None)), limit + 1
            )
        return [SavedSearch(**row) for row in rows[:limit]], len(rows) > limit

    async def delete(self, search_id: UUID, client_id: str, *, reference: str | None) -> None:
        """Delete a search of a client.

        Raises:
            NotFound: the client, or the reference, has no such search.
        """
        async with self._database.bounded() as connection:
            deleted = await connection.fetchval(sql.delete_search, search_id, client_id, reference)
        if deleted is None:
            raise NotFound("There is no saved search with this id.")
