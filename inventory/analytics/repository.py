"""SQL of statistics. Each function executes one statement."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from inventory.analytics.models import ConsolidationBacklog, FeedCompletion, StockFigures, TradingFigures
from inventory.catalog.statements import AVAILABILITY_OF_MANY
from inventory.core.database import Connection
from inventory.core.errors import NotFound
from inventory.core.sql import Statements
from inventory.runs.models import Run
from inventory.runs.repository import run_of
from inventory.runs.statements import compose

sql = Statements("inventory.analytics", compose=compose)


async def stock(connection: Connection) -> Mapping[str, StockFigures]:
    """Count the diamonds by supplier and status."""
    found = {}
    for row in await connection.fetch(sql.stock.format(availability=AVAILABILITY_OF_MANY)):
        columns = dict(row)
        supplier, natural = columns.pop("supplier"), columns.pop("natural_stones")
        found[str(supplier)] = StockFigures(**columns, natural=natural)
    return found


async def trading_since(connection: Connection, since: datetime, client_id: str | None) -> TradingFigures:
    """Count the holds and sales that a client, or all clients, requested since an instant."""
    row = await connection.fetchrow(sql.trading_since, since, client_id)
    assert row is not None, "an aggregate has a row"  # noqa: S101
    return TradingFigures(**row)


async def run_counts(connection: Connection, since: datetime) -> Mapping[str, int]:
    """Count the runs that started since an instant, by status."""
    return {row["status"]: row["runs"] for row in await connection.fetch(sql.run_counts, since)}


async def newest_runs(connection: Connection) -> Mapping[str, Run]:
    """Read the newest run of each feed."""
    return {row["feed"]: run_of(row) for row in await connection.fetch(sql.newest_runs)}


async def last_completed(connection: Connection) -> Mapping[str, FeedCompletion]:
    """Read the completion times of each feed."""
    rows = await connection.fetch(sql.last_completed)
    return {row["feed"]: FeedCompletion(row["completed_at"], row["full_completed_at"]) for row in rows}


async def consolidation_backlog(connection: Connection) -> list[ConsolidationBacklog]:
    """Read the runs that wait for consolidation, oldest first."""
    return [
        ConsolidationBacklog(run_of(row), row["stones"], row["done"])
        for row in await connection.fetch(sql.consolidation_backlog, None)
    ]


async def consolidation(connection: Connection, run_id: UUID) -> ConsolidationBacklog:
    """Read the consolidation progress of a run.

    Raises:
        NotFound: no run has this id.
    """
    row = await connection.fetchrow(sql.consolidation_backlog, run_id)
    if row is None:
        raise NotFound(f"There is no run {run_id}")
    return ConsolidationBacklog(run_of(row), row["stones"], row["done"])
