"""Differences between the supplier's schema and what the sync reads: stored with the run, reported once for each set."""

from collections.abc import Sequence

from inventory.alerts.incident import report
from inventory.core.database import Database
from inventory.runs.models import Run
from sync.alerts import incidents
from sync.runs.statements import sql


async def record(database: Database, run: Run, differences: Sequence[str]) -> None:
    """Add differences to a run's, and report the set to the operators where it is a new one."""
    if set(differences) <= set(run.schema_differences):
        return
    async with database.transaction() as connection:
        await connection.execute(sql.add_schema_differences, run.id, list(differences))
        await report(connection, incidents.schema_differs(run.feed, run.id, differences))
