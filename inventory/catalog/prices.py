"""Price history: retail prices of a diamond, recorded by a trigger whenever one changes (migration 0025)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from inventory.catalog.statements import sql
from inventory.core.database import Database


class PricePoint(msgspec.Struct, frozen=True):
    """A retail price (US cents) and when it began."""

    at: datetime
    price_cents: int


async def history(database: Database, diamond_id: UUID, limit: int) -> Sequence[PricePoint] | None:
    """Read the last prices of a diamond, newest first. None: there is no active diamond with this id.

    The first price began when the diamond entered the inventory.
    """
    async with database.bounded() as connection:
        rows = await connection.fetch(sql.price_history, diamond_id, limit)
    if not rows:
        return None
    return [PricePoint(row["at"], row["price_cents"]) for row in rows if row["at"] is not None]
