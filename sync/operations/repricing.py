"""Brings the inventory's prices up to date after a rule has changed, by the same rules that consolidation uses."""

from collections.abc import Awaitable, Callable

import msgspec

from inventory.core.clock import Clock
from inventory.core.database import Database
from inventory.core.errors import InventoryError
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.pricing.rules import PricingRule
from sync.consolidator.batch import Batch
from sync.consolidator.change_events import ChangeEvents
from sync.jobs import effects
from sync.runs.statements import sql
from sync.worker.staging import SUPPLIER

log = get_logger()


# Told after each batch: how many stones were looked at, and how many there are.
Report = Callable[[int, int], Awaitable[None]]


async def _nobody(_done: int, _total: int) -> None:
    """Report no progress."""


class ConsolidationUnderWay(InventoryError):
    """A run is being consolidated by the rules as they were when it began; prices are brought up to date after it."""

    retryable = True


class Repricing:
    """Reprices a feed's stones in batches by stone id, each one transaction."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock

    async def reprice(self, report: Report = _nobody, *, job_id: str | None = None) -> int:
        """Give every active stone the price of the present rules; answers how many prices have changed.

        Doing it again changes nothing, so one that was cut off is simply done again.

        Raises:
            ConsolidationUnderWay: later.
        """
        async with self._database.connection() as connection:
            if await connection.fetchval(sql.consolidation_under_way, self._settings.sync_feed):
                raise ConsolidationUnderWay
            rules = [msgspec.convert(dict(row), PricingRule) for row in await connection.fetch(sql.pricing_rules)]
            total = await connection.fetchval(sql.priced_total, SUPPLIER)
        # Told in any case: these stones are there, however they came.
        changes = ChangeEvents(None)
        changed, done, through = 0, 0, ""
        await report(0, total)
        while True:
            async with self._database.transaction() as connection:
                rows = await connection.fetch(
                    sql.priced_batch, SUPPLIER, through, self._settings.sync_consolidation_batch
                )
                if not rows:
                    await effects.record(connection, job_id, changed)
                    break
                batch = Batch(rows, rules)
                if batch.ids:
                    repriced = await connection.fetch(
                        sql.reprice_diamonds,
                        SUPPLIER,
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
            # Stones may have come in since they were counted.
            await report(done, max(done, total))
        log.info("repriced", changed=changed)
        return changed
