"""Reconciliation: repair the state of runs after dead processes and lost messages. Idempotent and safe concurrently.

The database holds all pending work; only a message or a process may be missing. So reconciliation either ends a run that
cannot continue, or sends a message again.
"""

from collections import defaultdict
from uuid import UUID

import msgspec

from inventory.core.database import Database
from inventory.core.errors import BrokerUnavailable
from inventory.core.logging import get_logger
from inventory.core.settings.sync import SyncSettings
from inventory.runs import repository
from inventory.runs.models import Partition
from sync.messaging.outbox import Outbox
from sync.runs.lifecycle import Lifecycle
from sync.runs.statements import sql

log = get_logger()


class ReconcileReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a reconciliation: ended runs, settled runs, and triggers and partitions that were sent again."""

    runs_ended: list[UUID]
    runs_settled: list[UUID]
    triggers_sent: list[UUID]
    partitions_sent: list[UUID]

    @property
    def repaired(self) -> int:
        """Number of repairs."""
        return sum(len(getattr(self, name)) for name in self.__struct_fields__)


class Reconciler:
    """Reconciles every feed's runs."""

    def __init__(self, settings: SyncSettings, database: Database, outbox: Outbox) -> None:
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._lifecycle = Lifecycle(database, settings.lease_seconds)

    async def reconcile(self) -> ReconcileReport:
        """Run all repairs once.

        Raises:
            BrokerUnavailable: a message could not be sent; it is still due.
            DatabaseUnavailable: the database does not answer.
        """
        report = ReconcileReport(
            runs_ended=await self._end_overdue(),
            runs_settled=await self._settle(),
            triggers_sent=await self._send_triggers(None),
            partitions_sent=await self._send_partitions(),
        )
        if report.repaired:
            log.warning("runs_reconciled", **{name: len(getattr(report, name)) for name in report.__struct_fields__})
        return report

    async def finish(self, run_id: UUID) -> None:
        """Record the outcome of a run whose last partition has ended, and send its trigger.

        Raises:
            BrokerUnavailable: the trigger could not be sent; it is still due.
        """
        await self._lifecycle.settle(run_id)
        await self._send_triggers(run_id)

    async def _end_overdue(self) -> list[UUID]:
        async with self._database.connection() as connection:
            overdue = [row["id"] for row in await connection.fetch(sql.overdue_runs)]
        return [run_id for run_id in overdue if await self._lifecycle.end_overdue(run_id)]

    async def _settle(self) -> list[UUID]:
        async with self._database.connection() as connection:
            unsettled = [row["id"] for row in await connection.fetch(sql.unsettled_runs)]
        return [run_id for run_id in unsettled if await self._lifecycle.settle(run_id)]

    async def _send_triggers(self, run_id: UUID | None) -> list[UUID]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(sql.claim_lost_triggers, self._settings.resend_seconds, run_id)
        for position, row in enumerate(rows):
            if not await self._outbox.send_trigger(row["id"], row["trace_id"], row["feed"]):
                async with self._database.connection() as connection:
                    await connection.executemany(sql.unmark_trigger, [(unsent["id"],) for unsent in rows[position:]])
                raise BrokerUnavailable
        return [row["id"] for row in rows]

    async def _send_partitions(self) -> list[UUID]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                sql.claim_lost_partitions, self._settings.lease_seconds, self._settings.resend_seconds
            )
        lost: dict[str, list[Partition]] = defaultdict(list)
        for row in rows:
            lost[row["trace_id"]].append(repository.partition_of(row))
        unsent = {row["id"] for row in rows}
        try:
            for trace_id, partitions in lost.items():
                await self._outbox.send_work(partitions, trace_id)
                unsent -= {partition.id for partition in partitions}
        finally:
            if unsent:
                async with self._database.connection() as connection:
                    await connection.execute(sql.unmark_sent, list(unsent))
        return [row["id"] for row in rows]
