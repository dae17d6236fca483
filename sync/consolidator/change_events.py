"""Change events of stones: appended to the event log in the transaction that changes the stones.

The first load of a feed appends no events: no subscriber can have missed an inventory that did not exist.
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
    """Appends events about the stones of one feed. `run_id`: the run that changes them, None without a run."""

    def __init__(self, run_id: UUID | None, *, silent: bool = False) -> None:
        self._run_id = run_id
        self._silent = silent

    @classmethod
    async def of(cls, connection: Connection, feed: str, run_id: UUID | None) -> Self:
        """Create the events of a feed. They are silent during its first load: no other run was ever completed."""
        return cls(run_id, silent=await connection.fetchval(sql.first_load, feed, run_id))

    async def changed(self, connection: Connection, ids: Sequence[UUID]) -> None:
        """Append that stones are new, have new values, or are active again."""
        await self._append(connection, EventKind.DIAMONDS_CHANGED, ids)

    async def removed(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> None:
        """Append that those of the stones that were active are no longer shown."""
        await self._append(connection, EventKind.DIAMONDS_REMOVED, [row["id"] for row in rows if row["active"]])

    async def repriced(self, connection: Connection, ids: Sequence[UUID]) -> None:
        """Append that stones have new prices by changed rules."""
        await self._append(connection, EventKind.DIAMONDS_REPRICED, ids)

    async def _append(self, connection: Connection, kind: EventKind, ids: Sequence[UUID]) -> None:
        if not self._silent:
            await log.append(connection, NewEvent(kind, ids, run_id=self._run_id))
