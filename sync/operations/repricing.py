"""Repricing: update the prices of the inventory after a pricing rule has changed, as consolidation prices stones."""

from collections.abc import Awaitable, Callable

import msgspec

from inventory.core.clock import Clock
from inventory.core.database import Database
from inventory.core.errors import InventoryError
from inventory.core.logging import get_logger
from inventory.core.settings.sync import SyncSettings
from inventory.pricing.rules import PricingRule
from sync.consolidator.batch import Batch
from sync.consolidator.change_events import ChangeEvents
from sync.jobs import effects
from sync.runs.statements import sql

log = get_logger()


# Called after each batch with the number of processed stones and the total.
Report = Callable[[int, int], Awaitable[None]]


async def _no_report(_done: int, _total: int) -> None:
    """Report no progress."""


class ConsolidationUnderWay(InventoryError):
    """A run is being consolidated with earlier rules. Prices are updated after it."""

    retryable = True


class Repricing:
    """Reprices a feed's stones in batches by stone id, each one transaction."""

    def __init__(self, settings: SyncSettings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock

    async def reprice(self, report: Report = _no_report, *, job_id: str | None = None) -> int:
        """Price every active stone by the present rules. Returns the number of changed prices.

        Repricing is idempotent, so it can be repeated after an interruption.

        Raises:
            ConsolidationUnderWay: a run is being consolidated; try again later.
        """
        async with self._database.connection() as connection:
            if await connection.fetchval(sql.consolidation_under_way, self._settings.feed):
                raise ConsolidationUnderWay
            rules = [msgspec.convert(dict(row), PricingRule) for row in await connection.fetch(sql.pricing_rules)]
            total = await connection.fetchval(sql.priced_total, self._settings.feed)
        # Never silent: these stones exist also during the first load of the feed.
        changes = ChangeEvents(None)
        changed, done, through = 0, 0, ""
        await report(0, total)
        while True:
            async with self._database.transaction() as connection:
                await connection.execute(sql.hold_prices, self._settings.feed)
                rows = await connection.fetch(
                    sql.priced_batch, self._settings.feed, through, self._settings.consolidation_batch
                )
                if not rows:
                    await effects.record(connection, job_id, changed)
                    break
                batch = Batch(rows, rules, self._settings.feed)
                if batch.ids:
                    repriced = await connection.fetch(
                        sql.reprice_diamonds,
                        self._settings.feed,
                        batch.ids,
                        batch.retail,
                        batch.ratios,
                        batch.ratings,
                        self._clock(),
                    )
                    await changes.repriced(connection, [row["id"] for row in repriced])
            through = rows[-1]["supplier_stone_id"]
            changed += len(batch.ids)
            done += len(rows)
            # Stones may have been added since they were counted.
            await report(done, max(done, total))
        log.info("inventory_repriced", changed=changed)
        return changed
