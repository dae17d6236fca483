"""`/api/v2/analytics`: figures about the inventory and its runs, for operators."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.access.scopes import Principal, Scope
from app.analytics import repository as figures
from app.analytics.models import Stock, Waiting
from app.core.clock import utc_now
from app.rest.answers import Pagination, answer
from app.rest.parameters import Parameters, choice, instant, page_of
from app.rest.state import State
from app.rest.triggers import path_id
from app.runs import repository as runs
from app.runs.models import Partition, PartitionKind, PartitionStatus, Run, RunStatus, RunType

Status = Literal["running", "completed", "failed", "partial"]

# The contract's four words for what became of a run; `phase` has the exact one.
_PHASES: Mapping[Status, Sequence[RunStatus]] = {
    "running": ("planning", "running", "consolidating"),
    "completed": ("completed",),
    "failed": ("failed", "cancelled"),
    "partial": ("partial",),
}
_BY_WORD: Mapping[str, Sequence[RunStatus]] = {str(status): phases for status, phases in _PHASES.items()}
_STATUSES: Mapping[RunStatus, Status] = {phase: status for status, phases in _PHASES.items() for phase in phases}
_RUN_TYPES: Mapping[str, RunType] = {"full": "full", "incremental": "incremental"}
_LAST_DAYS = 7


class RunFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A run. Counts are stones. `window_from` and `window_to` enclose the changes that it reads."""

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
    distinct_stones: int
    repeated: int
    upserted: int
    unchanged: int
    quarantined: int
    deleted: int
    revived: int
    error_code: str | None
    error_message: str | None
    trace_id: str


class WorkerFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A partition of a run, and the worker that read it.

    The ends of its price band (whole US dollars) are what the supplier asks, shown to those who may see that.
    """

    partition_id: UUID
    number: int
    kind: PartitionKind
    status: PartitionStatus
    attempts: int
    worker_id: str | None
    planned_stones: int
    records_processed: int
    pages: int
    error_message: str | None
    started_at: datetime | None
    completed_at: datetime | None
    price_from: int | None = None
    price_to: int | None = None


class RunWithWorkers(RunFigures, frozen=True, kw_only=True):
    """A run with its partitions."""

    workers: Sequence[WorkerFigures]


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """How the sync does. `runs` counts those that started in the last seven days."""

    running: int
    runs: Mapping[Status, int]
    waiting_for_consolidation: int
    last_run: RunFigures | None
    last_completed_at: datetime | None
    last_full_completed_at: datetime | None


class Summary(msgspec.Struct, frozen=True):
    """The inventory and the pipeline at a glance."""

    inventory: Stock
    pipeline: Pipeline


class SupplierFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of one supplier, and how its feed does."""

    supplier: str
    stock: Stock
    last_run: RunFigures | None
    last_completed_at: datetime | None
    last_full_completed_at: datetime | None


class ConsolidationFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A run on its way into the inventory: `stones_done` of the `stones` that it saw."""

    run: RunFigures
    requested_at: datetime | None
    stones: int
    stones_done: int
    stones_waiting: int


class SummaryAnswer(msgspec.Struct, frozen=True):
    data: Summary


class RunsAnswer(msgspec.Struct, frozen=True):
    data: Sequence[RunFigures]
    pagination: Pagination


class RunAnswer(msgspec.Struct, frozen=True):
    data: RunWithWorkers


class SuppliersAnswer(msgspec.Struct, frozen=True):
    data: Sequence[SupplierFigures]


class ConsolidationsAnswer(msgspec.Struct, frozen=True):
    data: Sequence[ConsolidationFigures]


class ConsolidationAnswer(msgspec.Struct, frozen=True):
    data: ConsolidationFigures


class RunsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the runs, as the query string asks for it. Of the instants the first belongs to it, the last doesn't."""

    run_type: RunType | None
    statuses: Sequence[RunStatus] | None
    started_after: datetime | None
    started_before: datetime | None
    page: int
    limit: int


def read_runs(parameters: Parameters) -> RunsRequest:
    """The runs that a query string asks for.

    Raises:
        ValidationFailed: names every parameter that is wrong.
    """
    run_type = parameters.one("run_type", choice(_RUN_TYPES), says="Only runs of this type.")
    statuses = parameters.one("status", choice(_BY_WORD), says="Only runs that ended, or have not ended, like this.")
    started_after = parameters.one("started_after", instant, says="Only runs that started then or later.")
    started_before = parameters.one("started_before", instant, says="Only runs that started before.")
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


async def summary(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/analytics/summary`."""
    async with request.state["database"].bounded() as connection:
        stock = await figures.stock(connection)
        counts = await figures.run_counts(connection, utc_now() - timedelta(days=_LAST_DAYS))
        newest = await figures.newest_runs(connection)
        completed = (await figures.last_completed(connection)).values()
        waiting = await figures.waiting(connection)
    last = max(newest.values(), key=lambda run: run.started_at, default=None)
    pipeline = Pipeline(
        running=sum(run.is_open for run in newest.values()),
        runs={status: sum(counts.get(phase, 0) for phase in phases) for status, phases in _PHASES.items()},
        waiting_for_consolidation=len(waiting),
        last_run=_run(last) if last else None,
        last_completed_at=max((one.at for one in completed if one.at), default=None),
        last_full_completed_at=max((one.full_at for one in completed if one.full_at), default=None),
    )
    return answer(SummaryAnswer(Summary(sum(stock.values(), Stock()), pipeline)))


async def list_runs(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/analytics/runs`."""
    asked = read_runs(Parameters(request.query_params))
    async with request.state["database"].bounded() as connection:
        total = await runs.total(
            connection,
            run_type=asked.run_type,
            statuses=asked.statuses,
            started_after=asked.started_after,
            started_before=asked.started_before,
        )
        found = await runs.listing(
            connection,
            run_type=asked.run_type,
            statuses=asked.statuses,
            started_after=asked.started_after,
            started_before=asked.started_before,
            limit=asked.limit,
            offset=(asked.page - 1) * asked.limit,
        )
    return answer(RunsAnswer([_run(run) for run in found], Pagination.of(total, asked.page, asked.limit)))


async def show_run(request: Request[State], principal: Principal) -> Response:
    """`GET /api/v2/analytics/runs/{run_id}`.

    Raises:
        NotFound: there is no such run.
    """
    run_id = path_id(request, "run_id")
    async with request.state["database"].bounded() as connection:
        run = await runs.run(connection, run_id)
        partitions = await runs.partitions(connection, run_id)
    sees_prices = principal.may(Scope.PRICES_SUPPLIER)
    workers = [_worker(partition, sees_prices=sees_prices) for partition in partitions]
    return answer(RunAnswer(RunWithWorkers(**msgspec.structs.asdict(_run(run)), workers=workers)))


async def suppliers(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/analytics/suppliers`. A feed bears the name of its supplier."""
    async with request.state["database"].bounded() as connection:
        stock = await figures.stock(connection)
        newest = await figures.newest_runs(connection)
        completed = await figures.last_completed(connection)
    data = [
        SupplierFigures(
            supplier=name,
            stock=stock.get(name, Stock()),
            last_run=_run(newest[name]) if name in newest else None,
            last_completed_at=completed[name].at if name in completed else None,
            last_full_completed_at=completed[name].full_at if name in completed else None,
        )
        for name in sorted({*stock, *newest})
    ]
    return answer(SuppliersAnswer(data))


async def consolidations(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/analytics/consolidation`."""
    async with request.state["database"].bounded() as connection:
        waiting = await figures.waiting(connection)
    return answer(ConsolidationsAnswer([_consolidation(one) for one in waiting]))


async def show_consolidation(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/analytics/consolidation/{run_id}`.

    Raises:
        NotFound: there is no such run.
    """
    run_id = path_id(request, "run_id")
    async with request.state["database"].bounded() as connection:
        found = await figures.consolidation(connection, run_id)
    return answer(ConsolidationAnswer(_consolidation(found)))


_PLAIN = tuple(sorted(set(RunFigures.__struct_fields__) & set(Run.__struct_fields__) - {"status"}))


def _run(run: Run) -> RunFigures:
    plain = {name: getattr(run, name) for name in _PLAIN}
    return RunFigures(**plain, run_id=run.id, status=_STATUSES[run.status], phase=run.status)


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
        pages=partition.pages,
        error_message=partition.error_message,
        started_at=partition.started_at,
        completed_at=partition.completed_at,
        price_from=partition.price_from if sees_prices else None,
        price_to=partition.price_to if sees_prices else None,
    )


def _consolidation(waiting: Waiting) -> ConsolidationFigures:
    return ConsolidationFigures(
        run=_run(waiting.run),
        requested_at=waiting.run.consolidate_requested_at,
        stones=waiting.stones,
        stones_done=waiting.done,
        stones_waiting=waiting.stones - waiting.done,
    )
