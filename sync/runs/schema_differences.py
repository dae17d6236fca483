"""Differences between the supplier's schema and the members that the sync reads: stored with the run, alerted per set."""

from collections.abc import Sequence

from inventory.alerts.incident import report
from inventory.core.database import Database
from inventory.runs.models import Run
from sync.alerts import incidents
from sync.runs.statements import sql


async def record(database: Database, run: Run, differences: Sequence[str]) -> None:
    """Add differences to a run, and alert the operators if the set is new."""
    if set(differences) <= set(run.schema_differences):
        return
    async with database.transaction() as connection:
        await connection.execute(sql.add_schema_differences, run.id, list(differences))
        await report(connection, incidents.schema_differs(run.feed, run.id, differences))
