"""Instants of a night, and the incidents that its periodic jobs have created."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from inventory.core.database import Database
from sync.jobs.maintenance import Maintenance

DUE = datetime(2026, 11, 23, 2, tzinfo=UTC)
JUST_AFTER = DUE + timedelta(seconds=30)
TOO_LATE = DUE + timedelta(hours=1, seconds=1)

MaintenanceAt = Callable[..., Maintenance]


async def incidents(database: Database) -> list[str]:
    async with database.connection() as connection:
        return [row["incident"] for row in await connection.fetch("SELECT incident FROM alerts ORDER BY incident")]
