"""Planning port of the scheduler: one implementation for each kind of feed."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from inventory.runs.models import Run
from sync.planning.file_plan import FilePlan
from sync.planning.partition import Plan
from sync.planning.window import ChangeWindow
from sync.runs.lifecycle import PlannedPartition

# Called with the number of counts so far, during planning.
Progress = Callable[[int], None]


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Request to start a run."""

    full: bool = False
    moves_watermark: bool = True
    started_by: str = "command line"
    job_id: str | None = None  # the background job that starts the run


class Survey(msgspec.Struct, frozen=True):
    """What a run would read: its window, and what the planning of this kind of feed needs to know (`source`)."""

    window: ChangeWindow
    source: Any = None


class Planning(Protocol):
    """Plans the runs of one feed."""

    async def survey(self, request: RunRequest) -> Survey:
        """Decide the window of a run, before it is opened.

        Raises:
            WatermarkInFuture: the watermark is in the future.
            NothingToRead: there is nothing new to read.
        """

    async def plan(self, survey: Survey, progress: Progress, run: Run | None) -> Plan | FilePlan:
        """Plan a run. `run`: the open run, None for a rehearsal.

        Raises:
            SupplierError: the feed cannot be planned.
        """

    def partitions(self, made: Plan | FilePlan) -> Sequence[PlannedPartition]:
        """Return the partitions of a plan."""
