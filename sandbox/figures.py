"""Figures of a completed sync, for the terminal and for scripts."""

from datetime import datetime

import msgspec

from inventory.core.database import Database
from inventory.core.errors import InventoryError
from inventory.core.settings import Settings
from inventory.core.sql import Statements
from inventory.runs import repository
from inventory.runs.models import Run
from inventory.suppliers.enumerated import EnumeratedFeed
from inventory.suppliers.ports import StoneQuery
from inventory.suppliers.registry import supplier_of
from sync.watermark.store import open_watermark_store

sql = Statements("sandbox")


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a sync. `seconds`: duration of the run. `watermark`: its value after the run.

    The supplier counts `supplier_stones`; `diamonds_active` and `quarantined` are counted in the tables. None of the three comes
    from the counters of the run.
    """

    supplier_stones: int
    diamonds_active: int
    quarantined: int
    partitions: int
    partition_max_over_mean: float
    count_queries: int
    fetched: int
    repeated: int
    upserted: int
    unchanged: int
    seconds: float
    watermark: datetime | None

    @property
    def accounted_for(self) -> bool:
        """Whether every stone of the supplier is either served or quarantined."""
        return self.diamonds_active + self.quarantined == self.supplier_stones


async def figures_of(settings: Settings, database: Database, run: Run) -> Figures:
    """Read the figures of a completed run.

    Raises:
        InventoryError: the supplier, the database or the watermark's storage does not answer.
    """
    if run.completed_at is None or run.repeated is None:
        raise InventoryError(f"The run {run.id} is not completed")
    chosen = settings.of_feed(run.feed)
    async with supplier_of(chosen).open_feed(chosen) as feed:
        # A file feed has as many stones as rows, unless it delivers changes.
        supplier_stones = (
            (run.heatmap.total if run.heatmap else 0)
            if isinstance(feed, EnumeratedFeed)
            else await feed.count(StoneQuery())
        )
    async with open_watermark_store(chosen) as watermarks:
        stored = await watermarks.read()
    async with database.connection() as connection:
        outline = await repository.outline(connection, run.id)
        row = await connection.fetchrow(sql.inventory, run.feed)
    diamonds_active, quarantined = row or (0, 0)
    return Figures(
        supplier_stones=supplier_stones,
        diamonds_active=diamonds_active,
        quarantined=quarantined,
        partitions=outline.total,
        partition_max_over_mean=round(outline.max_over_mean, 4),
        count_queries=run.count_queries,
        fetched=run.fetched,
        repeated=run.repeated,
        upserted=run.upserted,
        unchanged=run.unchanged,
        seconds=round((run.completed_at - run.started_at).total_seconds(), 3),
        watermark=stored[0].last_updated_at if stored else None,
    )
