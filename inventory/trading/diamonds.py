"""Diamonds as trading reads them."""

from uuid import UUID

from inventory.core.database import Connection
from inventory.trading.models import TradedDiamond
from inventory.trading.statements import sql


async def diamond(connection: Connection, diamond_id: UUID) -> TradedDiamond | None:
    """Read a diamond with its availability."""
    row = await connection.fetchrow(sql.diamond, diamond_id)
    return TradedDiamond(**row) if row else None


async def supplier_stone_id(connection: Connection, diamond_id: UUID) -> str:
    """Read the supplier's id of a diamond."""
    found: str = await connection.fetchval(sql.supplier_stone_id, diamond_id)
    return found
