"""What becomes of a run, from opening to the end: every transition, each one transaction under the run's lock.

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
from inventory.core.database import Connection, Database
from inventory.core.errors import (
    DeadlinePassed,
    FeedIncomplete,
    InventoryError,
    LeaseLost,
    PlanningAbandoned,
    RunConflict,
)
from inventory.runs import repository
from inventory.runs.models import Partition, PartitionKind, Run, RunType
from sync.alerts import incidents
from sync.jobs import effects
from sync.runs.statements import sql


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed when a run opens, before the first question to the supplier."""

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
    """One part of a plan, as it becomes a row of `worker_runs`."""

    kind: PartitionKind
    price_from: int | None
    price_to: int | None
    first_offset: int
    planned_stones: int


class Lifecycle:
    """The transitions, on one database, with one length of lease (seconds)."""

    def __init__(self, database: Database, lease_seconds: float) -> None:
        self._database = database
        self.lease_seconds = lease_seconds

    async def open(self, opening: Opening) -> tuple[UUID, UUID]:
        """A new run in `planning`: its id, and the token of the lease under which it is planned.

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
            LeaseLost: the run was given to someone else, or has ended.
        """
        async with self._database.connection() as connection:
            if await connection.fetchval(sql.keep_lease, run_id, token, self.lease_seconds) is None:
                raise LeaseLost

    async def activate(
        self, run_id: UUID, token: UUID, plan: Any, count_queries: int, parts: Sequence[PlannedPartition]
    ) -> tuple[list[Partition], bool]:
        """Write the plan and its partitions; answers them, and whether there is nothing to read at all.

        Raises:
            LeaseLost: planning took so long that the run was given up.
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
        """These partitions' work items are on their way."""
        async with self._database.connection() as connection:
            await connection.execute(sql.mark_sent, partition_ids)

    async def mark_consolidation_sent(self, run_id: UUID) -> None:
        """The run's trigger is on its way."""
        async with self._database.connection() as connection:
            await connection.execute(sql.mark_consolidation_sent, run_id)

    async def end_partition(
        self, partition: Partition, token: UUID, *, error: str | None = None, unidentified: int = 0
    ) -> tuple[Partition, bool]:
        """A partition has succeeded, or failed with `error`; answers it, and whether to trigger consolidation.

        `unidentified`: items that the supplier counts and could not show.

        Ending and counting are one transaction, ordered by the lock on the run: exactly one caller is the last.

        Raises:
            LeaseLost: someone else has the partition, or its run has ended.
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
        """After a partition has ended, under the run's lock: what follows. True if consolidation was asked for."""
        outline = await repository.outline(connection, run_id)
        if outline.open:
            return False
        if outline.succeeded == outline.total:
            await connection.execute(sql.request_consolidation, run_id)
            return True
        reasons = [p.error_message for p in await repository.partitions(connection, run_id) if p.status == "failed"]
        reason = next(filter(None, reasons), "no reason known")
        # Incomplete pages are no failure of the run: what was read stays, and a retry reads the partitions again.
        incomplete = [text for text in reasons if text and text.startswith(FeedIncomplete.code)]
        status = "partial" if outline.succeeded or incomplete else "failed"
        code = FeedIncomplete.code if incomplete and len(incomplete) == len(reasons) else "PARTITIONS_FAILED"
        message = f"{outline.failed} of {outline.total} partitions failed: {reason}"
        await connection.execute(sql.end_run, run_id, status, code, message)
        await _tell(connection, run_id, reason)
        return False

    async def settle(self, run_id: UUID) -> bool:
        """End a running run without open partitions, if its end was not recorded. True if there was one."""
        async with self._database.transaction() as connection:
            if await connection.fetchval(sql.lock_running, run_id) is None:
                return False
            if (await repository.outline(connection, run_id)).open:
                return False
            await self._settle(connection, run_id)
            return True

    async def end_overdue(self, run_id: UUID) -> bool:
        """End a run whose deadline has passed, or whose planner is dead. False if that is not so (any more)."""
        reason = await self._deadline_reason(run_id)
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(sql.lock_overdue_run, run_id)
            if row is None:
                return False
            error = reason if row["expired"] else PlanningAbandoned()
            return await self._end_locked(connection, run_id, "failed", error.code, error.message)

    async def fail(self, run_id: UUID, error: InventoryError) -> bool:
        """End an open run with the reason; its open partitions end with it. False if it had ended already."""
        async with self._database.transaction() as connection:
            await connection.fetchrow(sql.lock_run, run_id)
            return await self._end_locked(connection, run_id, "failed", error.code, error.message)

    async def _deadline_reason(self, run_id: UUID) -> DeadlinePassed:
        async with self._database.connection() as connection:
            last_error = await connection.fetchval(sql.last_error, run_id)
        reason = f"; the last error was: {last_error}" if last_error else ""
        return DeadlinePassed(f"The run did not finish before its deadline{reason}")

    async def fail_locked(self, connection: Connection, run_id: UUID, error: InventoryError) -> None:
        """`fail`, in the transaction of someone who holds the run's lock."""
        status = "partial" if isinstance(error, FeedIncomplete) else "failed"
        await self._end_locked(connection, run_id, status, error.code, error.message)

    async def cancel(self, run_id: UUID, who: str, job_id: str | None = None) -> bool:
        """End an open run because someone wants it. False if it had ended already."""
        async with self._database.transaction() as connection:
            await connection.fetchrow(sql.lock_run, run_id)
            ended = await self._end_locked(connection, run_id, "cancelled", "CANCELLED", f"Cancelled by {who}")
            if ended:
                await effects.record(connection, job_id, "cancelled", run_id)
            return ended

    @staticmethod
    async def _end_locked(connection: Connection, run_id: UUID, status: str, code: str, message: str) -> bool:
        if await connection.fetchval(sql.end_run, run_id, status, code, message) is None:
            return False
        await connection.execute(sql.close_partitions, run_id, status, message)
        await _tell(connection, run_id, f"{code}: {message}")
        return True

    async def get(self, run_id: UUID) -> Run:
        """The run as it is now.

        Raises:
            NotFound: there is no such run.
        """
        async with self._database.connection() as connection:
            return await repository.run(connection, run_id)


async def _tell(connection: Connection, run_id: UUID, reason: str) -> None:
    """Store the alert that the end of a run is worth, in the transaction that ends it."""
    run = await repository.run(connection, run_id)
    incident = incidents.run_ended(run, await repository.outline(connection, run_id), reason)
    if incident is not None:
        await report(connection, incident)
