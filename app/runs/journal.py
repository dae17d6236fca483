"""The sync's runs as operators look at them: pages of runs, and of any number of runs the partitions in one statement."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import msgspec

from app.core.database import Connection, Database
from app.core.sql import Statements
from app.runs.models import Partition, Run, RunOutline, RunStatus, RunType
from app.runs.repository import partition_of, run_of

sql = Statements("app.runs")

_NOTHING = RunOutline(total=0, succeeded=0, failed=0, open=0, fetched=0, planned_stones=0, largest=0)


class RunFilter(msgspec.Struct, frozen=True):
    """Which runs. What is None matches every run."""

    run_type: RunType | None = None
    statuses: Sequence[RunStatus] | None = None
    feed: str | None = None


class RunPosition(msgspec.Struct, frozen=True):
    """A place in the list of runs."""

    started_at: datetime
    id: UUID


class Journal:
    """Reads what the pipeline has written down. Every method raises `DatabaseUnavailable` where nobody answers."""

    def __init__(self, database: Database, *, timeout: float) -> None:
        """`timeout`: seconds that one look may take."""
        self._database = database
        self._timeout = timeout

    async def page(self, wanted: RunFilter, after: RunPosition | None, limit: int) -> tuple[list[Run], bool]:
        """Runs, newest first, and whether there are more."""
        position = (after.started_at, after.id) if after else (None, None)
        async with self._connection() as connection:
            rows = await connection.fetch(
                sql.page_of_runs, wanted.run_type, wanted.statuses, wanted.feed, *position, limit + 1
            )
        return [run_of(row) for row in rows[:limit]], len(rows) > limit

    async def count(self, wanted: RunFilter) -> int:
        """How many runs there are."""
        async with self._connection() as connection:
            found: int = await connection.fetchval(sql.count_of_runs, wanted.run_type, wanted.statuses, wanted.feed)
            return found

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, Run]:
        """Those of the runs that there are."""
        async with self._connection() as connection:
            return {row["id"]: run_of(row) for row in await connection.fetch(sql.runs_by_id, list(ids))}

    async def partitions(self, run_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Partition]]:
        """The partitions of each run, in the order of their prices."""
        found: dict[UUID, list[Partition]] = {run_id: [] for run_id in run_ids}
        async with self._connection() as connection:
            rows = await connection.fetch(sql.partitions_of_runs, list(run_ids))
        for row in rows:
            found[row["run_id"]].append(partition_of(row))
        return found

    async def outlines(self, run_ids: Collection[UUID]) -> Mapping[UUID, RunOutline]:
        """How far the partitions of each run are."""
        async with self._connection() as connection:
            rows = [dict(row) for row in await connection.fetch(sql.outlines, list(run_ids))]
        found = {row.pop("run_id"): msgspec.convert(row, RunOutline) for row in rows}
        return {run_id: found.get(run_id, _NOTHING) for run_id in run_ids}

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        async with self._database.connection() as connection, asyncio.timeout(self._timeout):
            yield connection
