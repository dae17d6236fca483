"""What a person may ask of a run: read the failed partitions again, consolidate it after all, cancel it."""

from uuid import UUID

import asyncpg

from app.core.database import Connection, Database
from app.core.errors import Conflict, FeedIncomplete, NotFound, RunConflict
from app.core.logging import get_logger
from app.core.settings import Settings
from app.runs import repository
from app.runs.models import Partition, Run
from sync import job_effects
from sync.lifecycle import Lifecycle
from sync.outbox import Outbox
from sync.statements import sql

log = get_logger()


class Control:
    """Each request is one transaction under the run's lock; its messages are sent afterwards, by reconcile if need be."""

    def __init__(self, settings: Settings, database: Database, outbox: Outbox) -> None:
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._lifecycle = Lifecycle(database, settings.sync_lease_seconds)

    async def retry(
        self, run_id: UUID, partition: UUID | int | None, who: str, *, job_id: str | None = None
    ) -> tuple[Run, list[Partition]]:
        """Read a run's failed partitions again (or only one, by id or ordinal), from the start.

        Where every partition has succeeded and the run as a whole was not complete, all of them are read again.

        Raises:
            NotFound: there is no such run or partition.
            Conflict: the run has not failed, is not the newest of its feed, or has nothing to read again.
            BrokerUnavailable: they are due, but not yet on their way; reconcile sends them.
        """
        try:
            async with self._database.transaction() as connection:
                run = await self._lock_newest(connection, run_id)
                if run.status not in ("partial", "failed"):
                    raise Conflict(f"Run {run_id} is {run.status}; only a partial or failed run can be retried")
                chosen = await _chosen(connection, run_id, partition)
                outline = await repository.outline(connection, run_id)
                everything = run.error_code == FeedIncomplete.code and outline.succeeded == outline.total
                rows = await connection.fetch(sql.reopen_partitions, run_id, chosen, everything)
                if not rows:
                    raise Conflict(_nothing_to_retry(run_id, await repository.partitions(connection, run_id)))
                await connection.execute(sql.reopen_run, run_id, float(self._settings.sync_run_deadline_seconds))
                await job_effects.record(connection, job_id, len(rows), run_id)
        except asyncpg.UniqueViolationError:
            raise RunConflict("Another run of its feed is open; one at a time") from None
        partitions = sorted((repository.partition_of(row) for row in rows), key=lambda part: part.ordinal)
        log.info("run retried", run_id=str(run_id), partitions=len(partitions), who=who)
        await self._outbox.send_work(partitions, run.trace_id)
        return await self._lifecycle.get(run_id), partitions

    async def consolidate(
        self,
        run_id: UUID,
        who: str,
        *,
        force: bool = False,
        allow_mass_delete: bool = False,
        job_id: str | None = None,
    ) -> Run:
        """Ask for the consolidation of a run once more.

        With `force` also of a run with partitions that failed: what was read is brought in, nothing is deleted, and
        the watermark stays, because not everything was read. `allow_mass_delete` confirms, after looking, that more
        stones than usual may be deleted.

        Raises:
            NotFound: there is no such run.
            Conflict: it is open, completed or not the newest of its feed, or it has gaps and `force` is not given.
        """
        try:
            async with self._database.transaction() as connection:
                run = await self._lock_newest(connection, run_id)
                outline = await repository.outline(connection, run_id)
                if run.status in ("planning", "running"):
                    raise Conflict(f"Run {run_id} is {run.status}; its partitions must end first")
                if run.status == "completed":
                    raise Conflict(f"Run {run_id} is consolidated already")
                gaps = outline.total - outline.succeeded
                # Forced, a run that could not show its completeness is brought in like one with gaps.
                forced = gaps > 0 or (force and run.error_code == FeedIncomplete.code)
                # One that waits for a consolidator, or has one, only gets another message.
                if run.status != "consolidating":
                    _refuse_gaps(run, outline.total, gaps, force=force)
                    await connection.execute(
                        sql.reopen_consolidation,
                        run_id,
                        float(self._settings.sync_run_deadline_seconds),
                        who if forced else None,
                        who if allow_mass_delete else None,
                    )
                await job_effects.record(connection, job_id, "consolidating", run_id)
        except asyncpg.UniqueViolationError:
            raise RunConflict("Another run of its feed is open; one at a time") from None
        log.info(
            "consolidation asked for",
            run_id=str(run_id),
            who=who,
            forced=force,
            mass_delete_allowed=allow_mass_delete,
        )
        await self._outbox.send_trigger(run_id, run.trace_id)
        return await self._lifecycle.get(run_id)

    async def cancel(self, run_id: UUID, who: str, *, job_id: str | None = None) -> Run:
        """End an open run. What its workers have in hand they put down with the next page.

        Raises:
            NotFound: there is no such run.
            Conflict: it has ended already.
        """
        run = await self._lifecycle.get(run_id)
        if not await self._lifecycle.cancel(run_id, who, job_id):
            raise Conflict(f"Run {run_id} has ended already: it is {run.status}")
        log.info("run cancelled", run_id=str(run_id), who=who)
        return await self._lifecycle.get(run_id)

    @staticmethod
    async def _lock_newest(connection: Connection, run_id: UUID) -> Run:
        """The run, locked. An older one is history: what it read has been read again since."""
        row = await connection.fetchrow(sql.lock_run, run_id)
        if row is None:
            raise NotFound(f"There is no run {run_id}")
        run = repository.run_of(row)
        newest = await repository.newest(connection, run.feed)
        if newest is not None and newest.id != run_id:
            raise Conflict(f"Run {run_id} is not the newest of {run.feed}: {newest.id} ({newest.status}) came after it")
        return run


async def _chosen(connection: Connection, run_id: UUID, partition: UUID | int | None) -> UUID | None:
    if partition is None:
        return None
    for part in await repository.partitions(connection, run_id):
        if partition in (part.id, part.ordinal):
            if part.status not in ("failed", "cancelled"):
                raise Conflict(f"Partition {part.ordinal} of run {run_id} is {part.status}; there is nothing to retry")
            return part.id
    raise NotFound(f"Run {run_id} has no partition {partition}")


def _nothing_to_retry(run_id: UUID, partitions: list[Partition]) -> str:
    if not partitions:
        return f"Run {run_id} failed before it was planned; start a new one with `python -m sync schedule`"
    return f"Every partition of run {run_id} has succeeded; see `python -m sync consolidate {run_id}`"


def _refuse_gaps(run: Run, total: int, gaps: int, *, force: bool) -> None:
    if total == 0:
        raise Conflict(f"Run {run.id} failed before it was planned; there is nothing to consolidate")
    if gaps and not force:
        raise Conflict(
            f"{gaps} of {total} partitions of run {run.id} have not succeeded; retry them, or bring in what was read "
            "with --force, which leaves the watermark where it is"
        )
