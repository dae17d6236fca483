"""Run scheduler: decide the window of a run, plan its partitions, and send their work items."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import structlog

from inventory.alerts.incident import report
from inventory.core.clock import Clock
from inventory.core.database import Database
from inventory.core.errors import (
    DeadlinePassed,
    InventoryError,
    SupplierError,
    SupplierSchemaChanged,
    WatermarkInFuture,
)
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.core.telemetry.spans import first_span_of_run
from inventory.runs import repository
from inventory.runs.models import Partition, Run
from inventory.suppliers.ports import Capabilities, Feed, StoneQuery
from sync.alerts import incidents
from sync.messaging.outbox import Outbox
from sync.planning.heatmap import PriceRange
from sync.planning.partition import Plan
from sync.planning.planner import plan
from sync.planning.price_scale import HeldPrice
from sync.planning.window import ChangeWindow, Watermark, decide
from sync.ports import WatermarkStore
from sync.runs.lease import heartbeat
from sync.runs.lifecycle import Lifecycle, Opening, PlannedPartition
from sync.runs.query import query_of
from sync.runs.schema_differences import record
from sync.runs.statements import sql

log = get_logger()

_CAPABILITIES_SECONDS = 20.0

# Called with the number of counts so far, during planning.
Progress = Callable[[int], None]


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Request to start a run."""

    full: bool = False
    moves_watermark: bool = True
    started_by: str = "command line"
    job_id: str | None = None  # the background job that starts the run


class Scheduler:
    """Starts runs of one feed."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        feed: Feed,
        watermarks: WatermarkStore,
        outbox: Outbox,
        clock: Clock | None = None,
    ) -> None:
        """`clock`: None for the database's clock, because the clocks of two schedulers may differ."""
        self._settings = settings
        self._database = database
        self._feed = feed
        self._watermarks = watermarks
        self._outbox = outbox
        self._clock = clock
        self._lifecycle = Lifecycle(database, settings.sync.lease_seconds)

    async def schedule(self, request: RunRequest, progress: Progress = lambda _: None) -> tuple[Run, Plan]:
        """Start a run: plan it, and send the work items of its partitions.

        While the broker does not answer, the run is open and waits: reconcile sends its work items.

        Raises:
            RunConflict: another run of this feed is open.
            WatermarkInFuture: the watermark is in the future; no run was started.
            SupplierError: the feed could not be counted; the run has failed with the reason.
            DeadlinePassed: the feed could not be counted in time; the run has failed.
        """
        try:
            window = await self._window(request)
        except WatermarkInFuture as error:
            await self._report_watermark(error)
            raise
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
                    offered = await self._feed.capabilities()
                    await record(self._database, run, offered.differences)
                    _refuse_window(window, offered)
                    made = await self._plan(window, offered, progress)
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
                await self._outbox.send_trigger(run.id, run.trace_id)
            else:
                await self._outbox.send_work_or_leave(partitions, run.trace_id)
            return await self._lifecycle.get(run.id), made

    async def rehearse(self, request: RunRequest, progress: Progress = lambda _: None) -> tuple[ChangeWindow, Plan]:
        """Plan a run without starting it. Sends the same counts as `schedule`."""
        window = await self._window(request)
        return window, await self._plan(window, await self._feed.capabilities(), progress)

    async def _report_watermark(self, error: WatermarkInFuture) -> None:
        watermark = str(error.details.get("watermark"))
        async with self._database.transaction() as connection:
            await report(connection, incidents.watermark_in_future(self._settings.sync.feed, watermark, error.message))

    async def _window(self, request: RunRequest) -> ChangeWindow:
        stored = await self._watermarks.read()
        watermark: Watermark | None = stored[0] if stored else None
        async with self._database.connection() as connection:
            last_full = await repository.last_full_completed(connection, self._settings.sync.feed)
            now = self._clock() if self._clock else await connection.fetchval(sql.now)
        return decide(
            now,
            watermark,
            last_full,
            full=request.full,
            full_every=timedelta(hours=self._settings.sync.full_every_hours),
            overlap=timedelta(seconds=self._settings.sync.overlap_seconds),
            windows=await self._offers_windows(),
        )

    async def _offers_windows(self) -> bool:
        """Whether the supplier can filter by the last change. True if it does not answer soon: planning checks again."""
        try:
            async with asyncio.timeout(_CAPABILITIES_SECONDS):
                return (await self._feed.capabilities()).windows
        except (SupplierError, TimeoutError):
            return True

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

    async def _plan(self, window: ChangeWindow, offered: Capabilities, progress: Progress) -> Plan:
        dimension = self._settings.nivoda.partition_dimension
        per_carat = dimension == "dollar_per_carat"
        async with self._database.connection() as connection:
            rows = await connection.fetch(sql.held_prices, self._settings.sync.feed, per_carat)
        held = [HeldPrice(**row) for row in rows]
        counting = plan(
            max_partitions=self._settings.sync.max_partitions,
            min_stones=self._settings.sync.min_partition_stones,
            held=held,
            dimension=dimension,
            by_origin=offered.origin,
        )
        counted = 0
        ranges = next(counting)
        while True:
            counts = await self._count(window, ranges)
            counted += len(ranges)
            progress(counted)
            try:
                ranges = counting.send(counts)
            except StopIteration as end:
                made: Plan = end.value
                return made

    async def _count(self, window: ChangeWindow, ranges: Sequence[PriceRange]) -> list[int]:
        """Request the counts of ranges concurrently."""
        tasks = [asyncio.create_task(self._feed.count(_query(window, part))) for part in ranges]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _activate(self, run_id: UUID, token: UUID, made: Plan) -> tuple[list[Partition], bool]:
        parts = [
            PlannedPartition(
                kind=band.kind,
                price_from=band.price_from,
                price_to=band.price_to,
                first_offset=band.first_offset,
                planned_stones=band.planned,
            )
            for band in made.bands
        ]
        return await self._lifecycle.activate(run_id, token, msgspec.to_builtins(made), made.counts_used, parts)


def _refuse_window(window: ChangeWindow, offered: Capabilities) -> None:
    """Refuse an incremental run if the supplier cannot filter by the last change.

    Raises:
        SupplierSchemaChanged: the supplier's schema lacks the filter.
    """
    if window.run_type == "incremental" and not offered.windows:
        raise SupplierSchemaChanged(
            "The supplier's schema offers no filter by the last change, so an incremental run cannot be read. "
            "Start a full run: diamonds-sync schedule --full"
        )


def _query(window: ChangeWindow, part: PriceRange) -> StoneQuery:
    query = query_of(window.run_type, window.updated_from, window.updated_to, part.price_from, part.price_to)
    return msgspec.structs.replace(query, lab_grown=part.lab_grown)


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
