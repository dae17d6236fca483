"""Planning of runs over files: select the files that no completed run has read, and divide them into parts."""

from collections.abc import Sequence

from inventory.core.clock import Clock
from inventory.core.database import Database
from inventory.core.errors import NothingToRead
from inventory.core.settings import Settings
from inventory.runs.models import Run
from inventory.suppliers.enumerated import EnumeratedFeed, Snapshot
from sync.planning.file_plan import FilePlan
from sync.planning.partition import Plan
from sync.planning.window import ChangeWindow
from sync.ports import WatermarkStore
from sync.runs.lifecycle import PlannedPartition
from sync.runs.statements import sql
from sync.scheduler.planning import Progress, RunRequest, Survey


class FilePlanning:
    """Plans runs of an enumerated feed."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        feed: EnumeratedFeed,
        watermarks: WatermarkStore,
        clock: Clock | None = None,
    ) -> None:
        """`clock`: None for the database's clock."""
        self._settings = settings
        self._database = database
        self._feed = feed
        self._watermarks = watermarks
        self._clock = clock

    async def survey(self, request: RunRequest) -> Survey:
        """Select the files of a run; see `Planning`. A full run also reads files that a run has read before."""
        name = self._settings.sync.feed
        async with self._database.connection() as connection:
            rows = [] if request.full else await connection.fetch(sql.consumed_files, name)
            now = self._clock() if self._clock else await connection.fetchval(sql.now)
        snapshot = await self._feed.available([row["digest"] for row in rows])
        if snapshot is None:
            raise NothingToRead(f"The feed {name} has no new complete file in {await self._feed.identity()}.")
        stored = await self._watermarks.read()
        mark = stored[0].last_updated_at if stored else now
        window = ChangeWindow(
            run_type="full" if snapshot.full else "incremental",
            updated_from=None if snapshot.full else min(mark, now),
            updated_to=now,
            reason=snapshot.reason,
        )
        return Survey(window, snapshot)

    async def plan(self, survey: Survey, progress: Progress, run: Run | None) -> FilePlan:
        """Divide the files into parts; see `Planning`."""
        del run
        snapshot: Snapshot = survey.source
        parts = await self._feed.plan(snapshot, self._settings.sync.max_partitions)
        progress(len(parts))
        return FilePlan.of(snapshot, tuple(parts))

    def partitions(self, made: Plan | FilePlan) -> Sequence[PlannedPartition]:
        """Return the parts as partitions, in the order of the plan: a partition finds its part by its number."""
        assert isinstance(made, FilePlan)  # noqa: S101 - made by `plan`
        return [
            PlannedPartition(
                kind="rows", price_from=None, price_to=None, first_offset=part.first_row, planned_stones=part.rows
            )
            for part in made.parts
        ]
