"""Price history: retail prices of a diamond. A trigger records each change (migration 0025)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from inventory.catalog.statements import sql
from inventory.core.database import Database


class PricePoint(msgspec.Struct, frozen=True):
    """A retail price (US cents) and the time of its start."""

    at: datetime
    price_cents: int


async def history(database: Database, diamond_id: UUID, limit: int) -> Sequence[PricePoint] | None:
    """Read the last prices of a diamond, newest first. Returns None if no active diamond has this id.

    The first price starts when the diamond enters the inventory.
    """
    async with database.bounded() as connection:
        rows = await connection.fetch(sql.price_history, diamond_id, limit)
    if not rows:
        return None
    return [PricePoint(row["at"], row["price_cents"]) for row in rows if row["at"] is not None]
