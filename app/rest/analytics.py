"""`/api/v2/analytics`: summary, suppliers and consolidation backlog, for operators."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.auth.scopes import Principal
from app.rest.responses import answer
from app.rest.runs import PHASES, RunFigures, Status, figures_of
from app.rest.triggers import path_id
from app.services import State
from inventory.analytics import repository
from inventory.analytics.models import ConsolidationBacklog, StockFigures
from inventory.core.clock import utc_now

_LAST_DAYS = 7


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """State of the sync. `runs` counts the runs that started in the last seven days, by status."""

    running: int
    runs: Mapping[Status, int]
    waiting_for_consolidation: int
    last_run: RunFigures | None
    last_completed_at: datetime | None
    last_full_completed_at: datetime | None


class Summary(msgspec.Struct, frozen=True):
    """Summary of the inventory and the sync."""

    inventory: StockFigures
    pipeline: Pipeline


class SupplierFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Stock and sync state of one supplier."""

    supplier: str
    stock: StockFigures
    last_run: RunFigures | None
    last_completed_at: datetime | None
    last_full_completed_at: datetime | None


class ConsolidationFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Consolidation of a run: `stones_done` of `stones` are consolidated."""

    run: RunFigures
    requested_at: datetime | None
    stones: int
    stones_done: int
    stones_waiting: int


class SummaryAnswer(msgspec.Struct, frozen=True):
    data: Summary


class SuppliersAnswer(msgspec.Struct, frozen=True):
    data: Sequence[SupplierFigures]


class ConsolidationsAnswer(msgspec.Struct, frozen=True):
    data: Sequence[ConsolidationFigures]


class ConsolidationAnswer(msgspec.Struct, frozen=True):
    data: ConsolidationFigures


async def summary(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/analytics/summary`."""
    async with request.state["services"].database.bounded() as connection:
        stock = await repository.stock(connection)
        counts = await repository.run_counts(connection, utc_now() - timedelta(days=_LAST_DAYS))
        newest = await repository.newest_runs(connection)
        completed = (await repository.last_completed(connection)).values()
        waiting = await repository.consolidation_backlog(connection)
    last = max(newest.values(), key=lambda run: run.started_at, default=None)
    pipeline = Pipeline(
        running=sum(run.is_open for run in newest.values()),
        runs={status: sum(counts.get(phase, 0) for phase in phases) for status, phases in PHASES.items()},
        waiting_for_consolidation=len(waiting),
        last_run=figures_of(last) if last else None,
        last_completed_at=max((one.at for one in completed if one.at), default=None),
        last_full_completed_at=max((one.full_at for one in completed if one.full_at), default=None),
    )
    return answer(SummaryAnswer(Summary(sum(stock.values(), StockFigures()), pipeline)))


async def suppliers(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/analytics/suppliers`. A feed has the name of its supplier."""
    async with request.state["services"].database.bounded() as connection:
        stock = await repository.stock(connection)
        newest = await repository.newest_runs(connection)
        completed = await repository.last_completed(connection)
    data = [
        SupplierFigures(
            supplier=name,
            stock=stock.get(name, StockFigures()),
            last_run=figures_of(newest[name]) if name in newest else None,
            last_completed_at=completed[name].at if name in completed else None,
            last_full_completed_at=completed[name].full_at if name in completed else None,
        )
        for name in sorted({*stock, *newest})
    ]
    return answer(SuppliersAnswer(data))


async def consolidations(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/analytics/consolidation`."""
    async with request.state["services"].database.bounded() as connection:
        waiting = await repository.consolidation_backlog(connection)
    return answer(ConsolidationsAnswer([_consolidation(one) for one in waiting]))


async def show_consolidation(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/analytics/consolidation/{run_id}`.

    Raises:
        NotFound: no run has this id.
    """
    run_id = path_id(request, "run_id")
    async with request.state["services"].database.bounded() as connection:
        found = await repository.consolidation(connection, run_id)
    return answer(ConsolidationAnswer(_consolidation(found)))


def _consolidation(waiting: ConsolidationBacklog) -> ConsolidationFigures:
    return ConsolidationFigures(
        run=figures_of(waiting.run),
        requested_at=waiting.run.consolidate_requested_at,
        stones=waiting.stones,
        stones_done=waiting.done,
        stones_waiting=waiting.stones - waiting.done,
    )
