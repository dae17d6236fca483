"""The trading of one process: holds, purchases and the records of both, around one supplier."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from app.core.database import Database
from app.core.settings import Settings
from app.suppliers.ports import Trading
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
    records: Records


@asynccontextmanager
async def open_desk(settings: Settings, database: Database, supplier: Trading | None) -> AsyncIterator[Desk]:
    """The desk for the length of a `with`, which ends when everything is written down that was begun."""
    undisturbed = Undisturbed()
    try:
        yield Desk(
            Holds(settings, database, supplier, undisturbed),
            Purchases(settings, database, supplier, undisturbed),
            Outcomes(database),
            Records(database),
        )
    finally:
        await undisturbed.close()
