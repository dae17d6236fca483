"""The trading of one process: holds, purchases and the records of both, around one supplier."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.suppliers.ports import Trading
from inventory.trading.background_tasks import Undisturbed
from inventory.trading.destinations import Destinations
from inventory.trading.holds import Holds
from inventory.trading.outcomes import Outcomes
from inventory.trading.purchases import Purchases
from inventory.trading.queries import Records


class Desk(msgspec.Struct, frozen=True):
    """What the faces trade with."""

    holds: Holds
    purchases: Purchases
    outcomes: Outcomes
    destinations: Destinations
    records: Records


@asynccontextmanager
async def open_desk(settings: Settings, database: Database, supplier: Trading | None) -> AsyncIterator[Desk]:
    """The desk for the length of a `with`, which ends when everything is written down that was begun."""
    undisturbed = Undisturbed()
    destinations = Destinations(supplier)
    try:
        yield Desk(
            holds=Holds(settings, database, supplier, undisturbed),
            purchases=Purchases(settings, database, supplier, undisturbed, destinations),
            outcomes=Outcomes(settings, database, supplier),
            destinations=destinations,
            records=Records(database),
        )
    finally:
        await undisturbed.close()
        await destinations.close()
