"""Run scheduler: decide the window of a run, plan its partitions, and send their work items."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import structlog

from inventory.alerts.incident import report
from inventory.core.clock import Clock
from inventory.core.database import Database
from inventory.core.errors import (
    DeadlinePassed,
    InventoryError,
    SchemaBehind,
    WatermarkInFuture,
)
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.core.telemetry.spans import first_span_of_run
from inventory.runs.models import Partition, Run
from inventory.suppliers.enumerated import EnumeratedFeed
from inventory.suppliers.ports import Feed
from sync.alerts import incidents
from sync.messaging.outbox import Outbox
from sync.planning.file_plan import FilePlan
from sync.planning.partition import Plan
from sync.planning.window import ChangeWindow
from sync.ports import WatermarkStore
from sync.runs.lease import heartbeat
from sync.runs.lifecycle import Lifecycle, Opening
from sync.runs.statements import sql
from sync.scheduler.counted_planning import CountedPlanning
from sync.scheduler.file_planning import FilePlanning
from sync.scheduler.planning import Planning, Progress, RunRequest

log = get_logger()


class Scheduler:
    """Starts runs of one feed."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        feed: Feed | EnumeratedFeed,
        watermarks: WatermarkStore,
        outbox: Outbox,
        clock: Clock | None = None,
    ) -> None:
        """`clock`: None for the database's clock, because the clocks of two schedulers may differ."""
        self._settings = settings
        self._database = database
        self._planning: Planning = (
            FilePlanning(settings, database, feed, watermarks, clock)
            if isinstance(feed, EnumeratedFeed)
            else CountedPlanning(settings, database, feed, watermarks, clock)
        )
        self._outbox = outbox
        self._lifecycle = Lifecycle(database, settings.sync.lease_seconds)

    async def schedule(self, request: RunRequest, progress: Progress = lambda _: None) -> tuple[Run, Plan | FilePlan]:
        """Start a run: plan it, and send the work items of its partitions.

        While the broker does not answer, the run is open and waits: reconcile sends its work items.

        Raises:
            RunConflict: another run of this feed is open.
            WatermarkInFuture: the watermark is in the future; no run was started.
            NothingToRead: a feed of files has no new file; no run was started.
            SchemaBehind: the feed has no raw table; no run was started.
            SupplierError: the feed could not be counted; the run has failed with the reason.
            DeadlinePassed: the feed could not be counted in time; the run has failed.
        """
        await self._require_table()
        try:
            survey = await self._planning.survey(request)
        except WatermarkInFuture as error:
            await self._report_watermark(error)
            raise
        window = survey.window
        run_id, token = await self._open(window, request)
        run = await self._lifecycle.get(run_id)
        with (
            structlog.contextvars.bound_contextvars(run_id=str(run.id), trace_id=run.trace_id),
            first_span_of_run(
                "schedule run", run.trace_id, {"diamond.run.id": str(run.id), "diamond.run.type": run.run_type}
            ),
        ):
            log.info("run_opened", run_type=window.run_type, reason=window.reason, window_from=_iso(run.window_from))
            try:
                async with (
                    asyncio.timeout((run.deadline_at - datetime.now(UTC)).total_seconds()),
                    heartbeat(lambda: self._lifecycle.keep(run_id, token), self._lifecycle.lease_seconds),
                ):
                    made = await self._planning.plan(survey, progress, run)
            except TimeoutError:
                # A busy supplier would otherwise block this process beyond the deadline of its run.
                late = DeadlinePassed("The feed could not be counted before the run's deadline")
                await self._lifecycle.fail(run.id, late)
                raise late from None
            except InventoryError as error:
                await self._lifecycle.fail(run.id, error)
                raise
            except (Exception, asyncio.CancelledError) as error:
                await self._lifecycle.fail(run.id, InventoryError(f"Planning was cut off: {type(error).__name__}"))
                raise
            partitions, nothing_to_read = await self._activate(run.id, token, made)
            log.info("run_planned", partitions=len(partitions), stones=made.total, counts=made.counts_used)
            if nothing_to_read:
                await self._outbox.send_trigger(run.id, run.trace_id, run.feed)
            else:
                await self._outbox.send_work_or_leave(partitions, run.trace_id)
            return await self._lifecycle.get(run.id), made

    async def rehearse(
        self, request: RunRequest, progress: Progress = lambda _: None
    ) -> tuple[ChangeWindow, Plan | FilePlan]:
        """Plan a run without starting it. Sends the same counts as `schedule`."""
        survey = await self._planning.survey(request)
        return survey.window, await self._planning.plan(survey, progress, None)

    async def _require_table(self) -> None:
        """Check that the raw table of the feed exists.

        Raises:
            SchemaBehind: it does not.
        """
        feed = self._settings.sync.feed
        async with self._database.connection() as connection:
            if await connection.fetchval(sql.has_raw_table, feed):
                return
        raise SchemaBehind(f"The feed {feed} has no raw table yet. Create it: diamonds-app migrate")

    async def _report_watermark(self, error: WatermarkInFuture) -> None:
        watermark = str(error.details.get("watermark"))
        async with self._database.transaction() as connection:
            await report(connection, incidents.watermark_in_future(self._settings.sync.feed, watermark, error.message))

    async def _open(self, window: ChangeWindow, request: RunRequest) -> tuple[UUID, UUID]:
        return await self._lifecycle.open(
            Opening(
                feed=self._settings.sync.feed,
                run_type=window.run_type,
                window_from=window.updated_from,
                window_to=window.updated_to,
                moves_watermark=request.moves_watermark,
                started_by=request.started_by,
                trace_id=uuid4().hex,
                deadline_seconds=self._settings.sync.run_deadline_seconds,
                job_id=request.job_id,
            )
        )

    async def _activate(self, run_id: UUID, token: UUID, made: Plan | FilePlan) -> tuple[list[Partition], bool]:
        parts = self._planning.partitions(made)
        return await self._lifecycle.activate(run_id, token, msgspec.to_builtins(made), made.counts_used, parts)


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
