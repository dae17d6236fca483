"""Planning of runs over a counted feed: decide the window by the watermark, and divide the feed by counts of prices."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from inventory.core.clock import Clock
from inventory.core.database import Database
from inventory.core.errors import SupplierError, SupplierSchemaChanged
from inventory.core.settings import Settings
from inventory.runs import repository
from inventory.runs.models import Run
from inventory.suppliers.ports import Capabilities, Feed, StoneQuery
from sync.planning.file_plan import FilePlan
from sync.planning.heatmap import PriceRange
from sync.planning.partition import Plan
from sync.planning.planner import plan
from sync.planning.price_scale import HeldPrice
from sync.planning.window import ChangeWindow, Watermark, decide
from sync.ports import WatermarkStore
from sync.runs.lifecycle import PlannedPartition
from sync.runs.query import query_of
from sync.runs.schema_differences import record
from sync.runs.statements import sql
from sync.scheduler.planning import Progress, RunRequest, Survey

_CAPABILITIES_SECONDS = 20.0


class CountedPlanning:
    """Plans runs of a feed with counts by price."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        feed: Feed,
        watermarks: WatermarkStore,
        clock: Clock | None = None,
    ) -> None:
        """`clock`: None for the database's clock, because the clocks of two schedulers may differ."""
        self._settings = settings
        self._database = database
        self._feed = feed
        self._watermarks = watermarks
        self._clock = clock

    async def survey(self, request: RunRequest) -> Survey:
        """Decide the window of a run by the watermark; see `Planning`."""
        stored = await self._watermarks.read()
        watermark: Watermark | None = stored[0] if stored else None
        async with self._database.connection() as connection:
            last_full = await repository.last_full_completed(connection, self._settings.sync.feed)
            now = self._clock() if self._clock else await connection.fetchval(sql.now)
        window = decide(
            now,
            watermark,
            last_full,
            full=request.full,
            full_every=timedelta(hours=self._settings.sync.full_every_hours),
            overlap=timedelta(seconds=self._settings.sync.overlap_seconds),
            windows=await self._offers_windows(),
        )
        return Survey(window)

    async def plan(self, survey: Survey, progress: Progress, run: Run | None) -> Plan:
        """Divide the feed by counts; see `Planning`. Stores the differences of the supplier's schema with the run."""
        offered = await self._feed.capabilities()
        if run is not None:
            await record(self._database, run, offered.differences)
            _refuse_window(survey.window, offered)
        return await self._plan(survey.window, offered, progress)

    def partitions(self, made: Plan | FilePlan) -> Sequence[PlannedPartition]:
        """Return the bands as partitions."""
        return [
            PlannedPartition(
                kind=band.kind,
                price_from=band.price_from,
                price_to=band.price_to,
                first_offset=band.first_offset,
                planned_stones=band.planned,
            )
            for band in made.bands
        ]

    async def _offers_windows(self) -> bool:
        """Whether the supplier can filter by the last change. True if it does not answer soon: planning checks again."""
        try:
            async with asyncio.timeout(_CAPABILITIES_SECONDS):
                return (await self._feed.capabilities()).windows
        except (SupplierError, TimeoutError):
            return True

    async def _plan(self, window: ChangeWindow, offered: Capabilities, progress: Progress) -> Plan:
        dimension = offered.dimension
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
