"""Run service: list and read sync runs, and load the partitions of several runs in one statement."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import msgspec

from inventory.core.database import Database
from inventory.runs import repository
from inventory.runs.models import Partition, Run, RunFacts, RunOutline, RunPosition, RunStatus, RunType
from inventory.runs.repository import run_of
from inventory.runs.statements import sql


class RunFilter(msgspec.Struct, frozen=True):
    """Filter of runs. None matches every run."""

    run_type: RunType | None = None
    statuses: Sequence[RunStatus] | None = None
    feed: str | None = None


class RunService:
    """Reads the runs of the pipeline. Every method raises `DatabaseUnavailable` if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, filters: RunFilter, after: RunPosition | None, limit: int) -> tuple[list[Run], bool]:
        """List runs, newest first. Returns a page, and whether more runs follow."""
        async with self._database.bounded() as connection:
            runs = await repository.listing(
                connection,
                run_type=filters.run_type,
                statuses=filters.statuses,
                feed=filters.feed,
                after=after,
                limit=limit + 1,
            )
        return runs[:limit], len(runs) > limit

    async def count(self, filters: RunFilter) -> int:
        """Count the matching runs."""
        async with self._database.bounded() as connection:
            return await repository.total(
                connection, run_type=filters.run_type, statuses=filters.statuses, feed=filters.feed
            )

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, Run]:
        """Read runs by id. Unknown ids are missing in the result."""
        async with self._database.bounded() as connection:
            return {row["id"]: run_of(row) for row in await connection.fetch(sql.runs_by_id, list(ids))}

    async def facts(self, run_id: UUID) -> RunFacts:
        """Read the input of the run rules.

        Raises:
            NotFound: there is no such run.
        """
        async with self._database.bounded() as connection:
            return await repository.facts(connection, run_id)

    async def partitions(self, run_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Partition]]:
        """Read the partitions of each run, in the order of their prices."""
        async with self._database.bounded() as connection:
            return await repository.partitions_of(connection, run_ids)

    async def outlines(self, run_ids: Collection[UUID]) -> Mapping[UUID, RunOutline]:
        """Read the progress of the partitions of each run."""
        async with self._database.bounded() as connection:
            return await repository.outlines(connection, run_ids)
