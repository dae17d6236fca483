"""Incident service: list incidents and record that an operator has resolved one."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from inventory.alerts.incident import Content, Kind, sql
from inventory.core.database import Database
from inventory.core.errors import NotFound
from inventory.core.logging import get_logger

log = get_logger()


class StoredIncident(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `alerts`. `sent_at`: time of its mail. `open`: its cause still exists and no operator has resolved it."""

    id: UUID
    kind: Kind
    feed: str
    run_id: UUID | None
    content: Content
    created_at: datetime
    sent_at: datetime | None
    last_error: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    open: bool


class IncidentService:
    """Reads and resolves incidents. Every method raises `DatabaseUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, limit: int, *, open_only: bool) -> Sequence[StoredIncident]:
        """List incidents, newest first."""
        async with self._database.bounded() as connection:
            rows = await connection.fetch(sql.list_incidents, open_only, limit)
        return [msgspec.convert(dict(row), StoredIncident) for row in rows]

    async def resolve(self, incident_id: UUID, who: str) -> None:
        """Record that an operator has resolved an incident. A repeated request changes nothing.

        Raises:
            NotFound: no incident has this id.
        """
        async with self._database.bounded() as connection:
            if await connection.fetchval(sql.resolve_incident, incident_id, who) is None:
                raise NotFound(f"There is no incident {incident_id}.")
        log.info("incident_resolved", incident_id=str(incident_id), who=who)
