"""The trading of one process: holds, purchases and the records of both, around one supplier."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from app.core.database import Database
from app.core.settings import Settings
from app.suppliers.ports import Trading
from app.trading.destinations import Destinations
from app.trading.holds import Holds
from app.trading.outcomes import Outcomes
from app.trading.purchases import Purchases
from app.trading.records import Records
from app.trading.undisturbed import Undisturbed


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
