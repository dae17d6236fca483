"""Trading service of a process: holds, purchases and their records, with one supplier."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.suppliers.ports import SupplierTrading
from inventory.suppliers.registry import trading_feed, trading_settings
from inventory.trading.background_tasks import BackgroundTasks
from inventory.trading.destinations import Destinations
from inventory.trading.holds import Holds
from inventory.trading.outcomes import OutcomeService
from inventory.trading.purchases import Purchases
from inventory.trading.queries import TradingRecords


class TradingService(msgspec.Struct, frozen=True):
    """Trading as REST, GraphQL and the command line use it."""

    holds: Holds
    purchases: Purchases
    outcomes: OutcomeService
    destinations: Destinations
    records: TradingRecords


@asynccontextmanager
async def open_trading(
    settings: Settings, database: Database, supplier: SupplierTrading | None
) -> AsyncIterator[TradingService]:
    """Open the trading service. On exit, wait until the running background tasks have recorded their results."""
    feed = trading_feed(settings)
    settings = trading_settings(settings)
    background_tasks = BackgroundTasks()
    destinations = Destinations(supplier)
    try:
        yield TradingService(
            holds=Holds(settings.trading, database, supplier, background_tasks, trading_feed=feed),
            purchases=Purchases(settings, database, supplier, background_tasks, destinations, trading_feed=feed),
            outcomes=OutcomeService(settings.sync, database, supplier),
            destinations=destinations,
            records=TradingRecords(database),
        )
    finally:
        await background_tasks.close()
        await destinations.close()
