"""Models of sync runs and their partitions, for the API and the pipeline."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

RunType = Literal["full", "incremental"]
RunStatus = Literal["planning", "running", "consolidating", "completed", "partial", "failed", "cancelled"]
PartitionStatus = Literal["pending", "running", "succeeded", "failed", "cancelled"]
PartitionKind = Literal["band", "outside", "rows"]
PriceDimension = Literal["dollar_value", "dollar_per_carat"]

OPEN_STATUSES: frozenset[RunStatus] = frozenset({"planning", "running", "consolidating"})


class PlannedBand(msgspec.Struct, frozen=True, kw_only=True):
    """Planned partition. `price_from`, `price_to`: as in `Partition`; `planned`: number of stones."""

    ordinal: int
    kind: PartitionKind
    price_from: int | None
    price_to: int | None
    planned: int


class RunPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Plan of a run: its price bands, and the numbers of stones with and without a price.

    `dimension`: the price that the bands divide.
    """

    bands: tuple[PlannedBand, ...]
    total: int
    priced: int
    unpriced: int
    dimension: PriceDimension = "dollar_value"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `run_metadata`. Figures count stones; `docs/explanation/sync.md` has their invariant.

    `fetched`, `unidentified`: stones read so far. `distinct_stones`, `repeated`: None until the run is consolidated.
    """

    id: UUID
    feed: str
    run_type: RunType
    status: RunStatus
    started_by: str
    trace_id: str
    window_from: datetime | None
    window_to: datetime
    moves_watermark: bool
    plan: Any
    count_queries: int
    consolidate_requested_at: datetime | None
    consolidate_sent_at: datetime | None
    consolidated_through: str | None
    consolidated_at: datetime | None
    watermark_moved_at: datetime | None
    fetched: int
    distinct_stones: int | None
    repeated: int | None
    upserted: int
    unchanged: int
    quarantined: int
    unidentified: int
    deleted: int
    revived: int
    forced_by: str | None
    mass_delete_allowed_by: str | None
    error_code: str | None
    error_message: str | None
    deadline_at: datetime
    started_at: datetime
    completed_at: datetime | None
    schema_differences: tuple[str, ...] = ()
    quarantine_allowed_by: str | None = None

    @property
    def heatmap(self) -> RunPlan | None:
        """The plan; None before the run was planned."""
        return msgspec.convert(self.plan, RunPlan) if self.plan else None

    @property
    def is_open(self) -> bool:
        """Whether the run has not ended, so that no other run of its feed may start."""
        return self.status in OPEN_STATUSES


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `worker_runs`: a partition of a run, with the checkpoint from which reading continues.

    `kind`: a price band, the stones outside the bands, or rows of a file (from row `first_offset`).

    `price_from`, `price_to`: whole US dollars of the plan's dimension, both inclusive, None is open. `distinct_stones`:
    number of distinct fetched stones, None until the partition has ended.
    """

    id: UUID
    run_id: UUID
    feed: str
    ordinal: int
    kind: PartitionKind
    price_from: int | None
    price_to: int | None
    first_offset: int
    planned_stones: int
    status: PartitionStatus
    attempts: int
    worker_id: str | None
    lease_until: datetime | None
    checkpoint: Any  # JSON of the reader's checkpoint, None before the first page
    pages: int
    fetched: int
    distinct_stones: int | None
    unidentified: int
    error_message: str | None
    sent_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None


class RunFacts(msgspec.Struct, frozen=True):
    """The input of the run rules: a run, the newest run of its feed, and the run's partitions by price."""

    run: Run
    newest: Run
    partitions: Sequence[Partition]


class RunPosition(msgspec.Struct, frozen=True):
    """A position in the list of runs."""

    started_at: datetime
    id: UUID


class RunOutline(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of the partitions of a run.

    `max_over_mean`: stones of the largest price band divided by the mean, by distinct stones (planned stones until a band
    was read); 1.0 without bands.
    """

    total: int
    succeeded: int
    failed: int
    open: int
    fetched: int
    planned_stones: int
    max_over_mean: float
