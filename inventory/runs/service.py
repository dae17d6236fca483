"""The sync's runs as operators look at them: pages of runs, and of any number of runs the partitions in one statement."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import msgspec

from inventory.core.database import Database
from inventory.runs import repository
from inventory.runs.models import Partition, Run, RunFacts, RunOutline, RunPosition, RunStatus, RunType
from inventory.runs.repository import run_of
from inventory.runs.statements import sql


class RunFilter(msgspec.Struct, frozen=True):
    """Which runs. What is None matches every run."""

    run_type: RunType | None = None
    statuses: Sequence[RunStatus] | None = None
    feed: str | None = None


class RunService:
    """Reads the runs of the pipeline. Every method raises `DatabaseUnavailable` where the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: RunFilter, after: RunPosition | None, limit: int) -> tuple[list[Run], bool]:
        """Runs, newest first, and whether there are more."""
        async with self._database.bounded() as connection:
            runs = await repository.listing(
                connection,
                run_type=wanted.run_type,
                statuses=wanted.statuses,
                feed=wanted.feed,
                after=after,
                limit=limit + 1,
            )
        return runs[:limit], len(runs) > limit

    async def count(self, wanted: RunFilter) -> int:
        """How many runs there are."""
        async with self._database.bounded() as connection:
            return await repository.total(
                connection, run_type=wanted.run_type, statuses=wanted.statuses, feed=wanted.feed
            )

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, Run]:
        """Those of the runs that there are."""
        async with self._database.bounded() as connection:
            return {row["id"]: run_of(row) for row in await connection.fetch(sql.runs_by_id, list(ids))}

    async def facts(self, run_id: UUID) -> RunFacts:
        """A run with what the rules about it look at.

        Raises:
            NotFound: there is no such run.
        """
        async with self._database.bounded() as connection:
            return await repository.facts(connection, run_id)

    async def partitions(self, run_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Partition]]:
        """The partitions of each run, in the order of their prices."""
        async with self._database.bounded() as connection:
            return await repository.partitions_of(connection, run_ids)

    async def outlines(self, run_ids: Collection[UUID]) -> Mapping[UUID, RunOutline]:
        """How far the partitions of each run are."""
        async with self._database.bounded() as connection:
            return await repository.outlines(connection, run_ids)
