"""Sync runs as the schema shows them: figures, the plan, and the partitions, each read only when asked for."""

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


@strawberry.enum(description="How much of the feed a run reads.")
class SyncRunType(Enum):
    FULL = _value("full", description="Everything; what is not seen is gone.")
    INCREMENTAL = _value("incremental", description="What changed since the watermark.")


@strawberry.enum(description="How far a run is.")
class SyncRunStatus(Enum):
    PLANNING = _value("planning", description="The feed is being counted.")
    RUNNING = _value("running", description="Its partitions are being read.")
    CONSOLIDATING = _value("consolidating", description="What was read is being priced and written.")
    COMPLETED = _value("completed", description="All of it is in the inventory.")
    PARTIAL = _value("partial", description="Some partitions failed; retry it, or consolidate what there is.")
    FAILED = _value("failed", description="It failed; `error` says why.")
    CANCELLED = _value("cancelled", description="Someone ended it.")


@strawberry.enum(description="How far a partition is.")
class SyncPartitionStatus(Enum):
    PENDING = _value("pending", description="It waits for a worker.")
    RUNNING = _value("running", description="A worker reads it.")
    SUCCEEDED = _value("succeeded", description="It was read to its end.")
    FAILED = _value("failed", description="It was given up; `errorMessage` says why.")
    CANCELLED = _value("cancelled", description="Its run was cancelled.")


@strawberry.enum(description="What a partition holds.")
class SyncPartitionKind(Enum):
    BAND = _value("band", description="The stones of a range of prices.")
    OUTSIDE = _value("outside", description="The stones without a price.")


def _price(description: str) -> Any:
    """A field that tells what the supplier asks."""
    return strawberry.field(description=description, extensions=[RequireScope(Scope.PRICES_SUPPLIER)])


@strawberry.type(description="A part of a run that one worker reads.")
class SyncPartition:
    id: strawberry.ID = strawberry.field(description="The partition's id, for `syncRetry`.")
    ordinal: int = strawberry.field(description="Its number in the run, by price, from 0.")
    kind: SyncPartitionKind = strawberry.field(description="What it holds.")
    price_from: Money | None = _price("The lowest supplier's price of its stones; null is open.")
    price_to: Money | None = _price("The highest supplier's price of its stones; null is open.")
    status: SyncPartitionStatus = strawberry.field(description="How far it is.")
    planned: int = strawberry.field(description="Stones that it was planned with.")
    fetched: int = strawberry.field(description="Stones that were read.")
    pages: int = strawberry.field(description="Pages that were read.")
    attempts: int = strawberry.field(description="How often a worker has begun with it, or gone on.")
    worker_id: str | None = strawberry.field(description="Who reads it, or did last.")
    error_message: str | None = strawberry.field(description="Why it failed.")
    started_at: datetime | None = strawberry.field(description="When a worker first took it.")
    completed_at: datetime | None = strawberry.field(description="When it ended.")


@strawberry.type(description="A band of the heatmap: prices, and how many stones were counted there.")
class SyncPlanBand:
    ordinal: int = strawberry.field(description="Its number, by price; the partition of that number reads it.")
    kind: SyncPartitionKind = strawberry.field(description="What it holds.")
    price_from: Money | None = _price("The lowest supplier's price; null is open.")
    price_to: Money | None = _price("The highest supplier's price; null is open.")
    planned: int = strawberry.field(description="Stones that were counted.")


@strawberry.type(description="How a run divides the feed, as its heatmap found it.")
class SyncPlan:
    total: int = strawberry.field(description="Stones of the feed.")
    priced: int = strawberry.field(description="Stones with a price.")
    unpriced: int = strawberry.field(description="Stones without one.")
    bands: list[SyncPlanBand] = strawberry.field(description="The bands, by price.")


@strawberry.type(description="What became of the stones of a run. Zero until consolidation gets there.")
class SyncFigures:
    fetched: int = strawberry.field(description="Stones that were read so far, repetitions included.")
    distinct: int | None = strawberry.field(description="Different stones among them; null until consolidated.")
    repeated: int | None = strawberry.field(description="Repetitions among them; null until consolidated.")
    upserted: int = strawberry.field(description="Stones that were new or had changed.")
    unchanged: int = strawberry.field(description="Stones that were as before.")
    quarantined: int = strawberry.field(description="Stones that could not be understood.")
    unidentified: int = strawberry.field(
        description="Items that the supplier counts and answers without an id. None of the other figures includes them."
    )
    deleted: int = strawberry.field(description="Stones that were gone from the feed.")
    revived: int = strawberry.field(description="Stones that had been deleted and came back.")
    count_queries: int = strawberry.field(description="Counts that the plan asked the supplier for.")


@strawberry.type(description="How far the partitions of a run are.")
class SyncProgress:
    total: int = strawberry.field(description="Partitions in all.")
    succeeded: int = strawberry.field(description="Partitions that were read to their end.")
    failed: int = strawberry.field(description="Partitions that were given up or cancelled.")
    open: int = strawberry.field(description="Partitions that wait or are being read.")
    fetched: int = strawberry.field(description="Stones that were read.")
    planned: int = strawberry.field(description="Stones that were planned.")
    max_over_mean: float = strawberry.field(
        description="The largest price band over the mean one, in different stones; 1 is even."
    )


@strawberry.type(description="Why a run has no success.")
class SyncRunError:
    code: str = strawberry.field(description="A stable code.")
    message: str | None = strawberry.field(description="What happened, in words.")


@strawberry.type(description="A run of the sync.")
class SyncRun(Node):
    run: strawberry.Private[Run]
    partition_rows: strawberry.Private[Sequence[Partition]]
    outline: strawberry.Private[RunOutline | None]

    database_id: UUID = strawberry.field(description="The id that logs and the command line use.")
    feed: str = strawberry.field(description="The feed that it reads.")
    type: SyncRunType = strawberry.field(description="How much of the feed it reads.")
    status: SyncRunStatus = strawberry.field(description="How far it is.")
    started_by: str = strawberry.field(description="Who, or what, started it.")
    trace_id: str = strawberry.field(description="The trace that its logs bear.")
    window_from: datetime | None = strawberry.field(description="Changes since then are read; null reads everything.")
    window_to: datetime = strawberry.field(description="Changes before then are read.")
    moves_watermark: bool = strawberry.field(description="Whether the next run may begin where this one ends.")
    forced_by: str | None = strawberry.field(description="Who had it consolidated in spite of gaps.")
    mass_delete_allowed_by: str | None = strawberry.field(description="Who allowed it to delete more than usual.")
    schema_differences: list[str] = strawberry.field(
        description="Members that the supplier's schema lacked when the run was read, one sentence each; empty if none."
    )
    started_at: datetime = strawberry.field(description="When it began.")
    deadline_at: datetime = strawberry.field(description="When it fails, if it is still open then.")
    consolidated_at: datetime | None = strawberry.field(description="When all of it was in the inventory.")
    watermark_moved_at: datetime | None = strawberry.field(description="When the watermark went on.")
    completed_at: datetime | None = strawberry.field(description="When it was over, in whatever way.")

    @field(description="What became of its stones.")
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

    @field(description="Why it has no success; null for one that has, or may still have.")
    def error(self) -> SyncRunError | None:
        run = self.run
        return SyncRunError(code=run.error_code, message=run.error_message) if run.error_code else None

    @field(description="How it divides the feed; null before it was planned.")
    def plan(self) -> SyncPlan | None:
        plan = self.run.heatmap
        return _plan_to_graphql(plan) if plan else None

    @field(description="How far its partitions are.")
    def progress(self) -> SyncProgress:
        outline = self.outline
        assert outline is not None, "show_runs reads it where it is selected"  # noqa: S101 - a mistake of ours
        return SyncProgress(
            total=outline.total,
            succeeded=outline.succeeded,
            failed=outline.failed,
            open=outline.open,
            fetched=outline.fetched,
            planned=outline.planned_stones,
            max_over_mean=outline.max_over_mean,
        )

    @field(description="Its partitions, by price.")
    def partitions(self) -> list[SyncPartition]:
        return [_partition_to_graphql(row) for row in self.partition_rows]


async def find_runs(keys: Collection[UUID], info: Info, *selections: Selection) -> Mapping[UUID, SyncRun]:
    """The runs with these ids. `selections`: what was asked for of them; what the field itself has, if not given."""
    found = await info.context.services.runs.find(keys)
    shown = await runs_to_graphql(list(found.values()), info, *(selections or (info.selection,)))
    return {run.database_id: run for run in shown}


async def runs_to_graphql(runs: Sequence[Run], info: Info, *selections: Selection) -> list[SyncRun]:
    """Runs as the schema shows them. Of all of them together the partitions are one statement, and so is progress."""
    ids = [run.id for run in runs]
    service = info.context.services.runs
    wants = {name for selection in selections for name in ("partitions", "progress") if name in selection}
    partitions = await service.partitions(ids) if ids and "partitions" in wants else {}
    outlines = await service.outlines(ids) if ids and "progress" in wants else {}
    return [_run_to_graphql(run, partitions.get(run.id, ()), outlines.get(run.id)) for run in runs]


def run_state_to_graphql(state: RunState) -> SyncRun:
    """A run that is being watched, with everything that may be asked of it."""
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
