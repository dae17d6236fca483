"""`/api/v2/analytics/runs`: sync runs and their partitions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.auth.scopes import Principal, Scope
from app.rest.parameters import Parameters, choice, instant, page_of
from app.rest.responses import Pagination, answer
from app.rest.triggers import path_id
from app.services import State
from inventory.runs import repository
from inventory.runs.models import Partition, PartitionKind, PartitionStatus, Run, RunStatus, RunType

Status = Literal["running", "completed", "failed", "partial"]

# Statuses of the contract by run status; `phase` holds the run status.
PHASES: Mapping[Status, Sequence[RunStatus]] = {
    "running": ("planning", "running", "consolidating"),
    "completed": ("completed",),
    "failed": ("failed", "cancelled"),
    "partial": ("partial",),
}
_STATUS_CHOICES: Mapping[str, Sequence[RunStatus]] = {str(status): phases for status, phases in PHASES.items()}
_STATUSES: Mapping[RunStatus, Status] = {phase: status for status, phases in PHASES.items() for phase in phases}
_RUN_TYPES: Mapping[str, RunType] = {"full": "full", "incremental": "incremental"}


class RunFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A run. Counts are numbers of stones. The run reads the changes from `window_from` to `window_to`.

    `fetched` grows while the run reads. `distinct_stones` and `repeated` are null until the run is consolidated.
    """

    run_id: UUID
    feed: str
    run_type: RunType
    status: Status
    phase: RunStatus
    started_by: str
    started_at: datetime
    completed_at: datetime | None
    window_from: datetime | None
    window_to: datetime
    consolidated_at: datetime | None
    watermark_moved_at: datetime | None
    forced_by: str | None
    fetched: int
    distinct_stones: int | None
    repeated: int | None
    upserted: int
    unchanged: int
    quarantined: int
    unidentified: int
    deleted: int
    revived: int
    error_code: str | None
    error_message: str | None
    trace_id: str


class WorkerFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A partition of a run and its worker.

    `price_from` and `price_to` are supplier prices in whole US dollars. They need the scope `prices:supplier`.
    """

    partition_id: UUID
    number: int
    kind: PartitionKind
    status: PartitionStatus
    attempts: int
    worker_id: str | None
    planned_stones: int
    records_processed: int
    distinct_stones: int | None
    pages: int
    error_message: str | None
    started_at: datetime | None
    completed_at: datetime | None
    price_from: int | None = None
    price_to: int | None = None


class RunWithWorkers(RunFigures, frozen=True, kw_only=True):
    """A run with its partitions."""

    workers: Sequence[WorkerFigures]


class RunsAnswer(msgspec.Struct, frozen=True):
    data: Sequence[RunFigures]
    pagination: Pagination


class RunAnswer(msgspec.Struct, frozen=True):
    data: RunWithWorkers


class RunsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Filter and page of a list of runs. `started_after` is inclusive, `started_before` exclusive."""

    run_type: RunType | None
    statuses: Sequence[RunStatus] | None
    started_after: datetime | None
    started_before: datetime | None
    page: int
    limit: int


def read_runs(parameters: Parameters) -> RunsRequest:
    """Read filter and page of a query string.

    Raises:
        ValidationFailed: a parameter is invalid.
    """
    run_type = parameters.one("run_type", choice(_RUN_TYPES), description="Only runs of this type.")
    statuses = parameters.one("status", choice(_STATUS_CHOICES), description="Only runs with this status.")
    started_after = parameters.one(
        "started_after", instant, description="Only runs that started at this instant or later."
    )
    started_before = parameters.one(
        "started_before", instant, description="Only runs that started before this instant."
    )
    page, limit = page_of(parameters)
    parameters.check()
    return RunsRequest(
        run_type=run_type,
        statuses=statuses,
        started_after=started_after,
        started_before=started_before,
        page=page,
        limit=limit,
    )


async def list_runs(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/analytics/runs`."""
    filters = read_runs(Parameters(request.query_params))
    async with request.state["services"].database.bounded() as connection:
        total = await repository.total(
            connection,
            run_type=filters.run_type,
            statuses=filters.statuses,
            started_after=filters.started_after,
            started_before=filters.started_before,
        )
        found = await repository.listing(
            connection,
            run_type=filters.run_type,
            statuses=filters.statuses,
            started_after=filters.started_after,
            started_before=filters.started_before,
            limit=filters.limit,
            offset=(filters.page - 1) * filters.limit,
        )
    return answer(RunsAnswer([figures_of(run) for run in found], Pagination.of(total, filters.page, filters.limit)))


async def show_run(request: Request[State], principal: Principal) -> Response:
    """`GET /api/v2/analytics/runs/{run_id}`.

    Raises:
        NotFound: no run has this id.
    """
    run_id = path_id(request, "run_id")
    async with request.state["services"].database.bounded() as connection:
        run = await repository.run(connection, run_id)
        partitions = await repository.partitions(connection, run_id)
    sees_prices = principal.may(Scope.PRICES_SUPPLIER)
    workers = [_worker(partition, sees_prices=sees_prices) for partition in partitions]
    return answer(RunAnswer(RunWithWorkers(**msgspec.structs.asdict(figures_of(run)), workers=workers)))


_RUN_FIELDS = tuple(sorted(set(RunFigures.__struct_fields__) & set(Run.__struct_fields__) - {"status"}))


def figures_of(run: Run) -> RunFigures:
    """Convert a run to its REST representation."""
    fields = {name: getattr(run, name) for name in _RUN_FIELDS}
    return RunFigures(**fields, run_id=run.id, status=_STATUSES[run.status], phase=run.status)


def _worker(partition: Partition, *, sees_prices: bool) -> WorkerFigures:
    return WorkerFigures(
        partition_id=partition.id,
        number=partition.ordinal,
        kind=partition.kind,
        status=partition.status,
        attempts=partition.attempts,
        worker_id=partition.worker_id,
        planned_stones=partition.planned_stones,
        records_processed=partition.fetched,
        distinct_stones=partition.distinct_stones,
        pages=partition.pages,
        error_message=partition.error_message,
        started_at=partition.started_at,
        completed_at=partition.completed_at,
        price_from=partition.price_from if sees_prices else None,
        price_to=partition.price_to if sees_prices else None,
    )
