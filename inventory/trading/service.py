"""The trading of one process: holds, purchases and the records of both, around one supplier."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.suppliers.ports import SupplierTrading
from inventory.trading.background_tasks import BackgroundTasks
from inventory.trading.destinations import Destinations
from inventory.trading.holds import Holds
from inventory.trading.outcomes import OutcomeService
from inventory.trading.purchases import Purchases
from inventory.trading.queries import TradingRecords


class TradingService(msgspec.Struct, frozen=True):
    """What the faces trade with."""

    holds: Holds
    purchases: Purchases
    outcomes: OutcomeService
    destinations: Destinations
    records: TradingRecords


@asynccontextmanager
async def open_trading(
    settings: Settings, database: Database, supplier: SupplierTrading | None
) -> AsyncIterator[TradingService]:
    """The desk for the length of a `with`, which ends when everything is written down that was begun."""
    background_tasks = BackgroundTasks()
    destinations = Destinations(supplier)
    try:
        yield TradingService(
            holds=Holds(settings, database, supplier, background_tasks),
            purchases=Purchases(settings, database, supplier, background_tasks, destinations),
            outcomes=OutcomeService(settings, database, supplier),
            destinations=destinations,
            records=TradingRecords(database),
        )
    finally:
        await background_tasks.close()
        await destinations.close()
