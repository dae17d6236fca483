"""GraphQL types of sync runs. Plan, partitions and progress are read only if selected."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info, Selection
from app.graphql.money import Money, money
from app.graphql.permissions import RequireScope, field
from app.graphql.relay import Node, global_id
from inventory.runs.models import Partition, Run, RunOutline, RunPlan
from inventory.runs.watch import RunState

_value = strawberry.enum_value


@strawberry.enum(description="Type of a run.")
class SyncRunType(Enum):
    FULL = _value("full", description="Reads the whole feed; diamonds that are not seen are deleted.")
    INCREMENTAL = _value("incremental", description="Reads changes since the watermark.")


@strawberry.enum(description="Status of a run.")
class SyncRunStatus(Enum):
    PLANNING = _value("planning", description="Counting the feed and planning partitions.")
    RUNNING = _value("running", description="Reading partitions.")
    CONSOLIDATING = _value("consolidating", description="Pricing and writing to the inventory.")
    COMPLETED = _value("completed", description="The inventory contains all of it.")
    PARTIAL = _value("partial", description="Some partitions failed. Retry them, or consolidate the rest.")
    FAILED = _value("failed", description="Failed; see `error`.")
    CANCELLED = _value("cancelled", description="An operator cancelled it.")


@strawberry.enum(description="Status of a partition.")
class SyncPartitionStatus(Enum):
    PENDING = _value("pending", description="Waiting for a worker.")
    RUNNING = _value("running", description="A worker is reading it.")
    SUCCEEDED = _value("succeeded", description="Read completely.")
    FAILED = _value("failed", description="Failed; see `errorMessage`.")
    CANCELLED = _value("cancelled", description="The run was cancelled.")


@strawberry.enum(description="Kind of a partition.")
class SyncPartitionKind(Enum):
    BAND = _value("band", description="Diamonds in a price range.")
    OUTSIDE = _value("outside", description="Diamonds without a price.")
    ROWS = _value("rows", description="Rows of a file.")


def _price(description: str) -> Any:
    """Declare a field that reveals supplier prices."""
    return strawberry.field(description=description, extensions=[RequireScope(Scope.PRICES_SUPPLIER)])


@strawberry.type(description="Part of a run that one worker reads.")
class SyncPartition:
    id: strawberry.ID = strawberry.field(description="Id for `syncRetry`.")
    ordinal: int = strawberry.field(description="Number in the run, from 0: by price, or in the order of the file.")
    kind: SyncPartitionKind = strawberry.field(description="Kind.")
    price_from: Money | None = _price("Lowest supplier price; null is open.")
    price_to: Money | None = _price("Highest supplier price; null is open.")
    status: SyncPartitionStatus = strawberry.field(description="State.")
    planned: int = strawberry.field(description="Planned number of diamonds.")
    fetched: int = strawberry.field(description="Diamonds read.")
    pages: int = strawberry.field(description="Pages read.")
    attempts: int = strawberry.field(description="Attempts of workers.")
    worker_id: str | None = strawberry.field(description="Worker that reads it or read it last.")
    error_message: str | None = strawberry.field(description="Reason of the failure.")
    started_at: datetime | None = strawberry.field(description="Time of the first claim by a worker.")
    completed_at: datetime | None = strawberry.field(description="Time of the end.")


@strawberry.type(description="Price band of the heatmap.")
class SyncPlanBand:
    ordinal: int = strawberry.field(description="Number by price; the partition with this number reads it.")
    kind: SyncPartitionKind = strawberry.field(description="Kind.")
    price_from: Money | None = _price("Lowest supplier price; null is open.")
    price_to: Money | None = _price("Highest supplier price; null is open.")
    planned: int = strawberry.field(description="Counted diamonds.")


@strawberry.type(description="Plan of a run: the price bands of the heatmap.")
class SyncPlan:
    total: int = strawberry.field(description="Diamonds in the feed.")
    priced: int = strawberry.field(description="Diamonds with a price.")
    unpriced: int = strawberry.field(description="Diamonds without a price.")
    bands: list[SyncPlanBand] = strawberry.field(description="Bands by price.")


@strawberry.type(description="Figures of a run, in diamonds. Zero before consolidation.")
class SyncFigures:
    fetched: int = strawberry.field(description="Items read so far, including repetitions.")
    distinct: int | None = strawberry.field(description="Distinct diamonds; null before consolidation.")
    repeated: int | None = strawberry.field(description="Repeated items; null before consolidation.")
    upserted: int = strawberry.field(description="New or changed diamonds.")
    unchanged: int = strawberry.field(description="Unchanged diamonds.")
    quarantined: int = strawberry.field(description="Quarantined diamonds, whose data is not understood.")
    unidentified: int = strawberry.field(
        description="Items that the supplier counts and returns without an id. No other figure includes them."
    )
    deleted: int = strawberry.field(description="Diamonds that left the feed.")
    revived: int = strawberry.field(description="Deleted diamonds that returned.")
    count_queries: int = strawberry.field(description="Count requests of the plan.")


@strawberry.type(description="Progress of the partitions of a run.")
class SyncProgress:
    total: int = strawberry.field(description="Number of partitions.")
    succeeded: int = strawberry.field(description="Completed partitions.")
    failed: int = strawberry.field(description="Failed or cancelled partitions.")
    open: int = strawberry.field(description="Waiting or running partitions.")
    fetched: int = strawberry.field(description="Diamonds read.")
    planned: int = strawberry.field(description="Planned diamonds.")
    max_over_mean: float = strawberry.field(
        description="Size of the largest price band divided by the mean, in distinct diamonds; 1 is balanced."
    )


@strawberry.type(description="Error of a run.")
class SyncRunError:
    code: str = strawberry.field(description="Stable code.")
    message: str | None = strawberry.field(description="Message.")


@strawberry.type(description="Sync run.")
class SyncRun(Node):
    run: strawberry.Private[Run]
    partition_rows: strawberry.Private[Sequence[Partition]]
    outline: strawberry.Private[RunOutline | None]

    database_id: UUID = strawberry.field(description="Id in logs and commands.")
    feed: str = strawberry.field(description="Feed.")
    type: SyncRunType = strawberry.field(description="Type.")
    status: SyncRunStatus = strawberry.field(description="State.")
    started_by: str = strawberry.field(description="Operator or process that started it.")
    trace_id: str = strawberry.field(description="Trace id in logs.")
    window_from: datetime | None = strawberry.field(
        description="Start of the window of changes; null reads the whole feed."
    )
    window_to: datetime = strawberry.field(description="End of the window of changes.")
    moves_watermark: bool = strawberry.field(description="Whether the run moves the watermark.")
    forced_by: str | None = strawberry.field(
        description="Operator who forced the consolidation despite failed partitions."
    )
    mass_delete_allowed_by: str | None = strawberry.field(description="Operator who allowed the mass delete.")
    quarantine_allowed_by: str | None = strawberry.field(
        description="Operator who allowed the share of quarantined diamonds."
    )
    schema_differences: list[str] = strawberry.field(
        description="Members that the supplier schema lacked during the run, one sentence each; empty if none."
    )
    started_at: datetime = strawberry.field(description="Start time.")
    deadline_at: datetime = strawberry.field(description="Deadline; an open run fails then.")
    consolidated_at: datetime | None = strawberry.field(description="Time of consolidation.")
    watermark_moved_at: datetime | None = strawberry.field(description="Time when the watermark moved.")
    completed_at: datetime | None = strawberry.field(description="Time of the end.")

    @field(description="Figures.")
    def figures(self) -> SyncFigures:
        run = self.run
        return SyncFigures(
            fetched=run.fetched,
            distinct=run.distinct_stones,
            repeated=run.repeated,
            upserted=run.upserted,
            unchanged=run.unchanged,
            quarantined=run.quarantined,
            unidentified=run.unidentified,
            deleted=run.deleted,
            revived=run.revived,
            count_queries=run.count_queries,
        )

    @field(description="Error; null if the run succeeded or is open.")
    def error(self) -> SyncRunError | None:
        run = self.run
        return SyncRunError(code=run.error_code, message=run.error_message) if run.error_code else None

    @field(description="Plan; null before planning.")
    def plan(self) -> SyncPlan | None:
        plan = self.run.heatmap
        return _plan_to_graphql(plan) if plan else None

    @field(description="Progress.")
    def progress(self) -> SyncProgress:
        outline = self.outline
        assert outline is not None, "runs_to_graphql reads it if it is selected"  # noqa: S101 - a mistake of ours
        return SyncProgress(
            total=outline.total,
            succeeded=outline.succeeded,
            failed=outline.failed,
            open=outline.open,
            fetched=outline.fetched,
            planned=outline.planned_stones,
            max_over_mean=outline.max_over_mean,
        )

    @field(description="Partitions by price.")
    def partitions(self) -> list[SyncPartition]:
        return [_partition_to_graphql(row) for row in self.partition_rows]


async def find_runs(keys: Collection[UUID], info: Info, *selections: Selection) -> Mapping[UUID, SyncRun]:
    """Find runs by id. `selections`: selections of the runs; by default the selection of the current field."""
    found = await info.context.services.runs.find(keys)
    shown = await runs_to_graphql(list(found.values()), info, *(selections or (info.selection,)))
    return {run.database_id: run for run in shown}


async def runs_to_graphql(runs: Sequence[Run], info: Info, *selections: Selection) -> list[SyncRun]:
    """Convert runs. One statement reads the partitions of all of them, another one their progress."""
    ids = [run.id for run in runs]
    service = info.context.services.runs
    wants = {name for selection in selections for name in ("partitions", "progress") if name in selection}
    partitions = await service.partitions(ids) if ids and "partitions" in wants else {}
    outlines = await service.outlines(ids) if ids and "progress" in wants else {}
    return [_run_to_graphql(run, partitions.get(run.id, ()), outlines.get(run.id)) for run in runs]


def run_state_to_graphql(state: RunState) -> SyncRun:
    """Convert a watched run, with partitions and progress."""
    return _run_to_graphql(state.run, state.partitions, state.outline)


def _run_to_graphql(run: Run, partitions: Sequence[Partition], outline: RunOutline | None) -> SyncRun:
    return SyncRun(
        id=global_id("SyncRun", run.id),
        run=run,
        partition_rows=partitions,
        outline=outline,
        database_id=run.id,
        feed=run.feed,
        type=SyncRunType(run.run_type),
        status=SyncRunStatus(run.status),
        started_by=run.started_by,
        trace_id=run.trace_id,
        window_from=run.window_from,
        window_to=run.window_to,
        moves_watermark=run.moves_watermark,
        forced_by=run.forced_by,
        mass_delete_allowed_by=run.mass_delete_allowed_by,
        quarantine_allowed_by=run.quarantine_allowed_by,
        schema_differences=list(run.schema_differences),
        started_at=run.started_at,
        deadline_at=run.deadline_at,
        consolidated_at=run.consolidated_at,
        watermark_moved_at=run.watermark_moved_at,
        completed_at=run.completed_at,
    )


def _plan_to_graphql(plan: RunPlan) -> SyncPlan:
    return SyncPlan(
        total=plan.total,
        priced=plan.priced,
        unpriced=plan.unpriced,
        bands=[
            SyncPlanBand(
                ordinal=band.ordinal,
                kind=SyncPartitionKind(band.kind),
                price_from=_dollars(band.price_from),
                price_to=_dollars(band.price_to),
                planned=band.planned,
            )
            for band in plan.bands
        ],
    )


def _partition_to_graphql(row: Partition) -> SyncPartition:
    return SyncPartition(
        id=strawberry.ID(str(row.id)),
        ordinal=row.ordinal,
        kind=SyncPartitionKind(row.kind),
        price_from=_dollars(row.price_from),
        price_to=_dollars(row.price_to),
        status=SyncPartitionStatus(row.status),
        planned=row.planned_stones,
        fetched=row.fetched,
        pages=row.pages,
        attempts=row.attempts,
        worker_id=row.worker_id,
        error_message=row.error_message,
        started_at=row.started_at,
        completed_at=row.completed_at,
    )


def _dollars(whole: int | None) -> Money | None:
    return None if whole is None else money(whole * 100)
