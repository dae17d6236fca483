"""Run repository: read runs and partitions. The pipeline (`sync`) changes them."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from inventory.core.database import Connection
from inventory.core.errors import NotFound, ValidationFailed
from inventory.runs.models import Partition, Run, RunFacts, RunOutline, RunPosition, RunStatus, RunType
from inventory.runs.statements import sql

LATEST = "latest"
_ID_PREFIX = re.compile(r"[0-9a-f-]{1,36}")
_NOTHING = RunOutline(total=0, succeeded=0, failed=0, open=0, fetched=0, planned_stones=0, max_over_mean=1.0)


def run_of(row: asyncpg.Record) -> Run:
    """Convert a row with the columns `{run}` of `queries.sql` to a `Run`."""
    values = dict(row)
    so_far = {"fetched": values.pop("fetched_so_far"), "unidentified": values.pop("unidentified_so_far")}
    if values["consolidated_at"] is None:
        values |= {**so_far, "distinct_stones": None, "repeated": None}
    return msgspec.convert(values, Run)


def partition_of(row: asyncpg.Record) -> Partition:
    """Convert a row of `worker_runs` to a `Partition`."""
    return msgspec.convert(dict(row), Partition)


async def run(connection: Connection, run_id: UUID) -> Run:
    """Read a run.

    Raises:
        NotFound: there is no run with this id.
    """
    row = await connection.fetchrow(sql.run_by_id, run_id)
    if row is None:
        raise NotFound(f"There is no run {run_id}")
    return run_of(row)


async def find_id(connection: Connection, text: str, feed: str | None) -> UUID:
    """Find a run by an id, the first characters of an id, or `latest` for the newest run.

    `feed`: feed of the newest run; None for all feeds.

    Raises:
        NotFound: no run has such an id.
        ValidationFailed: the text is not a prefix of an id, or several ids begin with it.
    """
    if text == LATEST:
        found = await newest(connection, feed)
        if found is None:
            raise NotFound(f"There is no run of {feed} yet." if feed else "There is no run yet.")
        return found.id
    prefix = text.strip().lower()
    if not _ID_PREFIX.fullmatch(prefix):
        raise ValidationFailed({"run": f"{text} is not an id of a run, its first characters, or {LATEST}"})
    ids: list[UUID] = [row["id"] for row in await connection.fetch(sql.runs_by_prefix, prefix)]
    if not ids:
        raise NotFound(f"There is no run {text}")
    if len(ids) > 1:
        raise ValidationFailed({"run": f"several ids begin with {text}, such as {ids[0]} and {ids[1]}"})
    return ids[0]


async def newest(connection: Connection, feed: str | None) -> Run | None:
    """Read the newest run of a feed. `feed`: None for all feeds."""
    row = await connection.fetchrow(sql.newest_run, feed)
    return run_of(row) if row else None


async def facts(connection: Connection, run_id: UUID) -> RunFacts:
    """Read the input of the run rules.

    Raises:
        NotFound: there is no run with this id.
    """
    found = await run(connection, run_id)
    return RunFacts(found, await newest(connection, found.feed) or found, await partitions(connection, run_id))


async def open_run(connection: Connection, feed: str) -> Run | None:
    """Read the open run of a feed."""
    row = await connection.fetchrow(sql.open_run, feed)
    return run_of(row) if row else None


async def last_full_completed(connection: Connection, feed: str) -> datetime | None:
    """Read the start of the last completed full run of a feed."""
    value: datetime | None = await connection.fetchval(sql.last_full_completed, feed)
    return value


async def listing(
    connection: Connection,
    *,
    run_type: RunType | None = None,
    statuses: Sequence[RunStatus] | None = None,
    feed: str | None = None,
    started_after: datetime | None = None,
    started_before: datetime | None = None,
    after: RunPosition | None = None,
    limit: int = 20,
    offset: int = 0,
) -> list[Run]:
    """List runs, newest first. `after`: position of the last run of the previous page."""
    position = (after.started_at, after.id) if after else (None, None)
    rows = await connection.fetch(
        sql.list_runs, run_type, statuses, feed, started_after, started_before, *position, limit, offset
    )
    return [run_of(row) for row in rows]


async def total(
    connection: Connection,
    *,
    run_type: RunType | None = None,
    statuses: Sequence[RunStatus] | None = None,
    feed: str | None = None,
    started_after: datetime | None = None,
    started_before: datetime | None = None,
) -> int:
    """Count the runs of a listing on all its pages."""
    return int(await connection.fetchval(sql.count_runs, run_type, statuses, feed, started_after, started_before))


async def partitions_of(connection: Connection, run_ids: Collection[UUID]) -> Mapping[UUID, list[Partition]]:
    """Read the partitions of each run, in the order of their prices."""
    found: dict[UUID, list[Partition]] = {run_id: [] for run_id in run_ids}
    for row in await connection.fetch(sql.partitions_of_runs, list(run_ids)):
        found[row["run_id"]].append(partition_of(row))
    return found


async def partitions(connection: Connection, run_id: UUID) -> list[Partition]:
    """Read the partitions of a run, in the order of their prices."""
    return (await partitions_of(connection, [run_id]))[run_id]


async def outlines(connection: Connection, run_ids: Collection[UUID]) -> Mapping[UUID, RunOutline]:
    """Read the progress of the partitions of each run."""
    rows = [dict(row) for row in await connection.fetch(sql.outlines, list(run_ids))]
    found = {row.pop("run_id"): msgspec.convert(row, RunOutline) for row in rows}
    return {run_id: found.get(run_id, _NOTHING) for run_id in run_ids}


async def outline(connection: Connection, run_id: UUID) -> RunOutline:
    """Read the progress of a run's partitions."""
    return (await outlines(connection, [run_id]))[run_id]
