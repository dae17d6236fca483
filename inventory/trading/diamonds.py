"""Diamonds as trading reads them."""

from typing import NoReturn
from uuid import UUID

from inventory.core.database import Connection, Database
from inventory.core.errors import NotFound, TradingUnavailable
from inventory.trading.models import TradedDiamond
from inventory.trading.statements import sql
from inventory.trading.terms import require_tradable


async def diamond(connection: Connection, diamond_id: UUID) -> TradedDiamond | None:
    """Read a diamond with its availability."""
    row = await connection.fetchrow(sql.diamond, diamond_id)
    return TradedDiamond(**row) if row else None


async def supplier_stone_id(connection: Connection, diamond_id: UUID) -> str:
    """Read the supplier's id of a diamond."""
    found: str = await connection.fetchval(sql.supplier_stone_id, diamond_id)
    return found


async def refuse_without_supplier(database: Database, diamond_id: UUID, trading_feed: str | None) -> NoReturn:
    """Reject a request to trade in a process without a supplier. `trading_feed`: the feed that trades; None without one.

    Raises:
        NotFound: no active diamond has this id.
        NotTradable: the diamond's supplier has no trading, so no setting and no later request changes the answer.
        TradingUnavailable: the supplier trades, and this installation has no account.
    """
    async with database.bounded() as connection:
        found = await diamond(connection, diamond_id)
    if found is None or not found.active:
        raise diamond_not_found()
    require_tradable(found, trading_feed)
    raise TradingUnavailable


def diamond_not_found() -> NotFound:
    """Create the error for an unknown or inactive diamond."""
    return NotFound("There is no diamond with this id.")
