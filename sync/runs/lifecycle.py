"""Run lifecycle: the state transitions of a run, each one transaction under the run's lock.

planning -> running -> consolidating -> completed
|           |             |
+-----------+-------------+--> failed | cancelled
+--> partial (some partitions failed; retried, it is running again)
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from inventory.alerts.incident import report
from inventory.core.counts import count_text
from inventory.core.database import Connection, Database
from inventory.core.errors import (
    DeadlinePassed,
    InventoryError,
    LeaseLost,
    MassDeleteStopped,
    PlanningAbandoned,
    QuarantineExceeded,
    RunConflict,
)
from inventory.runs import repository, review, rules
from inventory.runs.models import Partition, PartitionKind, Run, RunType
from sync.alerts import incidents
from sync.jobs import effects
from sync.runs.statements import sql


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The values of a run that are fixed when it opens, before the first request to the supplier."""

    feed: str
    run_type: RunType
    window_from: datetime | None
    window_to: datetime
    moves_watermark: bool
    started_by: str
    trace_id: str
    deadline_seconds: float
    job_id: str | None = None  # the background job that opens it


class PlannedPartition(msgspec.Struct, frozen=True, kw_only=True):
    """One partition of a plan: the values of its row of `worker_runs`."""

    kind: PartitionKind
    price_from: int | None
    price_to: int | None
    first_offset: int
    planned_stones: int


class Lifecycle:
    """The transitions of runs in one database. `lease_seconds`: length of a lease."""

    def __init__(self, database: Database, lease_seconds: float) -> None:
        self._database = database
        self.lease_seconds = lease_seconds

    async def open(self, opening: Opening) -> tuple[UUID, UUID]:
        """Open a run in `planning`. Returns its id, and the token of the lease under which it is planned.

        Raises:
            RunConflict: another run of the feed is open.
        """
        run_id, token = uuid4(), uuid4()
        try:
            async with self._database.transaction() as connection:
                await connection.execute(
                    sql.open_run,
                    run_id,
                    opening.feed,
                    opening.run_type,
                    opening.started_by,
                    opening.trace_id,
                    opening.window_from,
                    opening.window_to,
                    opening.moves_watermark,
                    token,
                    self.lease_seconds,
                    float(opening.deadline_seconds),
                    opening.window_to,
                )
                await connection.execute(sql.forget_pages, opening.feed, run_id)
                await effects.record(connection, opening.job_id, str(run_id), run_id)
        except asyncpg.UniqueViolationError:
            raise RunConflict(f"A run of {opening.feed} is open; one at a time") from None
        return run_id, token

    async def keep(self, run_id: UUID, token: UUID) -> None:
        """Renew the lease of planning or consolidation.

        Raises:
            LeaseLost: another process has the run, or it has ended.
        """
        async with self._database.connection() as connection:
            if await connection.fetchval(sql.keep_lease, run_id, token, self.lease_seconds) is None:
                raise LeaseLost

    async def activate(
        self, run_id: UUID, token: UUID, plan: Any, count_queries: int, parts: Sequence[PlannedPartition]
    ) -> tuple[list[Partition], bool]:
        """Store the plan and its partitions. Returns the partitions, and whether the feed is empty.

        Raises:
            LeaseLost: the planning lease has expired and the run was ended.
        """
        async with self._database.transaction() as connection:
            if await connection.fetchval(sql.activate_run, run_id, token, plan, count_queries) is None:
                raise LeaseLost
            run = await repository.run(connection, run_id)
            await connection.executemany(
                sql.add_partition,
                [
                    (
                        uuid4(),
                        run_id,
                        run.feed,
                        ordinal,
                        part.kind,
                        part.price_from,
                        part.price_to,
                        part.first_offset,
                        part.planned_stones,
                    )
                    for ordinal, part in enumerate(parts)
                ],
            )
            nothing_to_read = await self._settle(connection, run_id)
            return await repository.partitions(connection, run_id), nothing_to_read

    async def mark_sent(self, partition_ids: Sequence[UUID]) -> None:
        """Record that the work items of partitions were sent."""
        async with self._database.connection() as connection:
            await connection.execute(sql.mark_sent, partition_ids)

    async def mark_consolidation_sent(self, run_id: UUID) -> None:
        """Record that the trigger of a run was sent."""
        async with self._database.connection() as connection:
            await connection.execute(sql.mark_consolidation_sent, run_id)

    async def end_partition(
        self, partition: Partition, token: UUID, *, error: str | None = None, unidentified: int = 0
    ) -> tuple[Partition, bool]:
        """End a partition: it has succeeded, or failed with `error`. Returns it, and whether to trigger consolidation.

        `unidentified`: items that the supplier counts and could not show.

        Ending and counting are one transaction under the lock of the run: exactly one caller ends the last partition.

        Raises:
            LeaseLost: another worker has the partition, or its run has ended.
        """
        async with self._database.transaction() as connection:
            await connection.fetchrow(sql.lock_run, partition.run_id)
            status = "failed" if error else "succeeded"
            if await connection.fetchval(sql.end_partition, partition.id, token, status, error, unidentified) is None:
                raise LeaseLost
            trigger = await self._settle(connection, partition.run_id)
            ended = next(p for p in await repository.partitions(connection, partition.run_id) if p.id == partition.id)
            return ended, trigger

    @staticmethod
    async def _settle(connection: Connection, run_id: UUID) -> bool:
        """Record the outcome of a run after a partition has ended, under the run's lock. True if it is to be consolidated."""
        outline = await repository.outline(connection, run_id)
        outcome = rules.outcome(outline, await repository.partitions(connection, run_id))
        if outcome is None:
            return False
        if outcome.status == "consolidating":
            await connection.execute(sql.request_consolidation, run_id)
            return True
        message = f"{outline.failed} of {count_text(outline.total, 'partition')} failed: {outcome.reason}"
        await connection.execute(sql.end_run, run_id, outcome.status, outcome.code, message)
        await _report(connection, run_id, outcome.reason)
        return False

    async def settle(self, run_id: UUID) -> bool:
        """Record the outcome of a running run without open partitions. False if it is not running or has open partitions."""
        async with self._database.transaction() as connection:
            if await connection.fetchval(sql.lock_running, run_id) is None:
                return False
            if (await repository.outline(connection, run_id)).open:
                return False
            await self._settle(connection, run_id)
            return True

    async def end_overdue(self, run_id: UUID) -> bool:
        """End a run whose deadline has passed, or whose planner is dead. False if neither is the case."""
        reason = await self._deadline_reason(run_id)
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(sql.lock_overdue_run, run_id)
            if row is None:
                return False
            error = reason if row["expired"] else PlanningAbandoned()
            return await self._end_locked(connection, run_id, "failed", error.code, error.message)

    async def fail(self, run_id: UUID, error: InventoryError) -> bool:
        """End an open run and its open partitions with an error. False if the run had already ended."""
        async with self._database.transaction() as connection:
            await connection.fetchrow(sql.lock_run, run_id)
            return await self._end_locked(connection, run_id, "failed", error.code, error.message)

    async def _deadline_reason(self, run_id: UUID) -> DeadlinePassed:
        async with self._database.connection() as connection:
            last_error = await connection.fetchval(sql.last_error, run_id)
        reason = f"; the last error was: {last_error}" if last_error else ""
        return DeadlinePassed(f"The run did not finish before its deadline{reason}")

    async def fail_locked(self, connection: Connection, run_id: UUID, error: InventoryError) -> None:
        """End a run with an error, in the transaction of a caller that holds the run's lock."""
        await self._end_locked(connection, run_id, rules.status_after(error), error.code, error.message)

    async def cancel(self, run_id: UUID, who: str, job_id: str | None = None) -> None:
        """End an open run on request of an operator.

        Raises:
            NotFound: there is no such run.
            Conflict: the run has already ended.
        """
        async with self._database.transaction() as connection:
            await connection.fetchrow(sql.lock_run, run_id)
            rules.check_cancel(await repository.run(connection, run_id))
            await self._end_locked(connection, run_id, "cancelled", "CANCELLED", f"Cancelled by {who}")
            await effects.record(connection, job_id, "cancelled", run_id)

    @staticmethod
    async def _end_locked(connection: Connection, run_id: UUID, status: str, code: str, message: str) -> bool:
        if await connection.fetchval(sql.end_run, run_id, status, code, message) is None:
            return False
        await connection.execute(sql.close_partitions, run_id, status, message)
        await _report(connection, run_id, f"{code}: {message}")
        return True

    async def get(self, run_id: UUID) -> Run:
        """Read a run.

        Raises:
            NotFound: there is no such run.
        """
        async with self._database.connection() as connection:
            return await repository.run(connection, run_id)


async def _report(connection: Connection, run_id: UUID, reason: str) -> None:
    """Store the alert about the end of a run, in the transaction that ends it."""
    run = await repository.run(connection, run_id)
    evidence = await _evidence(connection, run)
    incident = incidents.run_ended(run, await repository.outline(connection, run_id), reason, evidence)
    if incident is not None:
        await report(connection, incident)


async def _evidence(connection: Connection, run: Run) -> incidents.Evidence:
    """Read what a safety check was about: the first diamonds that would be deleted, or the problems of quarantined items."""
    if run.error_code == MassDeleteStopped.code:
        return incidents.Evidence(
            missing=await review.missing_diamonds(connection, run, "", incidents.MAX_DIAMONDS),
            missing_total=await review.count_missing(connection, run),
        )
    if run.error_code == QuarantineExceeded.code:
        return incidents.Evidence(problems=await review.quarantine_groups(connection, run.id))
    return incidents.Evidence()
