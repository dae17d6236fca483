"""What the pipeline tells the event log of the stones that it has changed, in the transaction that changes them.

The very first load of a feed tells nothing: no subscriber can have missed an inventory that was not there.
"""

from collections.abc import Sequence
from typing import Self
from uuid import UUID

import asyncpg

from inventory.core.database import Connection
from inventory.events import log
from inventory.events.models import EventKind, NewEvent
from sync.runs.statements import sql


class ChangeEvents:
    """The events of one feed's stones, and of the run that changes them, if it is one."""

    def __init__(self, run_id: UUID | None, *, silent: bool = False) -> None:
        self._run_id = run_id
        self._silent = silent

    @classmethod
    async def of(cls, connection: Connection, feed: str, run_id: UUID | None) -> Self:
        """Told unless this is the feed's first load, however often that was taken up: no other run was ever completed."""
        return cls(run_id, silent=await connection.fetchval(sql.first_load, feed, run_id))

    async def changed(self, connection: Connection, ids: Sequence[UUID]) -> None:
        """These stones are new, have new values, or are back."""
        await self._tell(connection, EventKind.DIAMONDS_CHANGED, ids)

    async def removed(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> None:
        """Of these stones those that were active are no longer shown."""
        await self._tell(connection, EventKind.DIAMONDS_REMOVED, [row["id"] for row in rows if row["active"]])

    async def repriced(self, connection: Connection, ids: Sequence[UUID]) -> None:
        """These stones have new prices by changed rules."""
        await self._tell(connection, EventKind.DIAMONDS_REPRICED, ids)

    async def _tell(self, connection: Connection, kind: EventKind, ids: Sequence[UUID]) -> None:
        if not self._silent:
            await log.append(connection, NewEvent(kind, ids, run_id=self._run_id))
