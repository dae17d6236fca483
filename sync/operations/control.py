"""Run control: retry the failed partitions of a run, request its consolidation, or cancel it."""

from uuid import UUID

import asyncpg

from inventory.core.database import Connection, Database
from inventory.core.errors import RunConflict
from inventory.core.logging import get_logger
from inventory.core.settings.sync import SyncSettings
from inventory.runs import repository, rules
from inventory.runs.models import Partition, Run, RunFacts
from sync.jobs import effects
from sync.messaging.outbox import Outbox
from sync.runs.lifecycle import Lifecycle
from sync.runs.statements import sql

log = get_logger()


class RunControl:
    """Executes requests of operators, each in one transaction under the run's lock. Messages are sent after the commit.

    If a message cannot be sent, reconcile sends it later.
    """

    def __init__(self, settings: SyncSettings, database: Database, outbox: Outbox) -> None:
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._lifecycle = Lifecycle(database, settings.lease_seconds)

    async def retry(
        self, run_id: UUID, partition: UUID | int | None, who: str, *, job_id: str | None = None
    ) -> tuple[Run, list[Partition]]:
        """Read a run's failed partitions again (or only one, by id or ordinal), from the start.

        If every partition has succeeded and the run was incomplete as a whole, all of them are read again. While the broker
        does not answer, the partitions wait, and reconcile sends their work items.

        Raises:
            NotFound, Conflict: as `rules.partitions_to_retry`.
            RunConflict: another run of the feed is open.
        """
        try:
            async with self._database.transaction() as connection:
                facts = await self._locked(connection, run_id)
                again = rules.partitions_to_retry(facts, partition)
                rows = await connection.fetch(sql.reopen_partitions, run_id, [part.id for part in again])
                await connection.execute(sql.reopen_run, run_id, float(self._settings.run_deadline_seconds))
                await effects.record(connection, job_id, len(rows), run_id)
        except asyncpg.UniqueViolationError:
            raise RunConflict("Another run of its feed is open; one at a time") from None
        partitions = sorted((repository.partition_of(row) for row in rows), key=lambda part: part.ordinal)
        log.info("run_retried", run_id=str(run_id), partitions=len(partitions), who=who)
        await self._outbox.send_work_or_leave(partitions, facts.run.trace_id)
        return await self._lifecycle.get(run_id), partitions

    async def consolidate(
        self,
        run_id: UUID,
        who: str,
        *,
        force: bool = False,
        allow_mass_delete: bool = False,
        allow_quarantine: bool = False,
        job_id: str | None = None,
    ) -> Run:
        """Request the consolidation of a run again.

        `force` also allows a run with failed partitions: its stones are consolidated, no stone is deleted, and the
        watermark stays, because not everything was read. `allow_mass_delete` is the operator's confirmation that more
        stones than usual may be deleted; `allow_quarantine`, that more of them than usual are not offered.

        Raises:
            NotFound: there is no such run.
            Conflict: as `rules.check_consolidation`.
            RunConflict: another run of the feed is open.
        """
        try:
            async with self._database.transaction() as connection:
                facts = await self._locked(connection, run_id)
                forced = rules.check_consolidation(facts, force=force)
                mass_delete, quarantine = who if allow_mass_delete else None, who if allow_quarantine else None
                if facts.run.status == "consolidating":
                    # It only needs another message. A consolidator that has read the run before may still stop it once.
                    await connection.execute(sql.allow_consolidation, run_id, mass_delete, quarantine)
                else:
                    await connection.execute(
                        sql.reopen_consolidation,
                        run_id,
                        float(self._settings.run_deadline_seconds),
                        who if forced else None,
                        mass_delete,
                        quarantine,
                    )
                await effects.record(connection, job_id, "consolidating", run_id)
        except asyncpg.UniqueViolationError:
            raise RunConflict("Another run of its feed is open; one at a time") from None
        log.info(
            "consolidation_requested",
            run_id=str(run_id),
            who=who,
            forced=forced,
            mass_delete_allowed=allow_mass_delete,
            quarantine_allowed=allow_quarantine,
        )
        await self._outbox.send_trigger(run_id, facts.run.trace_id, facts.run.feed)
        return await self._lifecycle.get(run_id)

    async def cancel(self, run_id: UUID, who: str, *, job_id: str | None = None) -> Run:
        """End an open run. Its workers stop with their next page.

        Raises:
            NotFound: there is no such run.
            Conflict: as `rules.check_cancel`.
        """
        await self._lifecycle.cancel(run_id, who, job_id)
        log.info("run_cancelled", run_id=str(run_id), who=who)
        return await self._lifecycle.get(run_id)

    @staticmethod
    async def _locked(connection: Connection, run_id: UUID) -> RunFacts:
        """Lock a run and read the input of the run rules.

        Raises:
            NotFound: there is no such run.
        """
        await connection.fetchrow(sql.lock_run, run_id)
        return await repository.facts(connection, run_id)
