"""Log lines of a run: stored by the roles of the pipeline, read by operators."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from inventory.core.database import Connection, Database
from inventory.runs.statements import sql


class RunLogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A log line of a run. `fields`: its fields other than those named here. `id`: None until it is stored."""

    run_id: UUID
    at: datetime
    level: str
    role: str
    event: str
    fields: dict[str, object]
    id: int | None = None


async def add(connection: Connection, lines: Sequence[RunLogLine]) -> None:
    """Store lines in one statement."""
    columns = [[getattr(line, name) for line in lines] for name in ("run_id", "at", "level", "role", "event", "fields")]
    await connection.execute(sql.add_run_log, *columns)


class RunLog:
    """Reads the log lines of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lines(self, run_id: UUID, before: int | None, limit: int) -> Sequence[RunLogLine]:
        """Read the lines of a run, newest first, from the one before the line `before`.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        async with self._database.bounded() as connection:
            rows = await connection.fetch(sql.run_log, run_id, before, limit)
        return [RunLogLine(**row) for row in rows]
