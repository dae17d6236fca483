"""Locks of trading: one transaction at a time decides about a diamond, and about the number of a client's holds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from inventory.core.database import Connection, Database
from inventory.trading.statements import sql

# Statements of a transaction that holds locks follow each other at once. The database ends an idle one.
_IDLE_SECONDS = 10.0


@asynccontextmanager
async def locked_diamond(
    database: Database, diamond_id: UUID, client_id: str | None = None
) -> AsyncIterator[Connection]:
    """Open a short transaction that holds the lock of a diamond, and of a client if `client_id` is given."""
    async with database.bounded_transaction() as connection:
        await lock(connection, diamond_id, client_id)
        yield connection


async def lock(
    connection: Connection, diamond_id: UUID, client_id: str | None = None, *, idle_seconds: float = _IDLE_SECONDS
) -> None:
    """Lock a client, if one is given, and then a diamond, until the transaction ends.

    `idle_seconds`: the database ends the transaction after so much time without a statement.
    """
    idle = f"{idle_seconds * 1000:.0f}"
    if client_id is not None:
        await connection.execute(sql.lock_client, client_id, idle)
    await connection.execute(sql.lock_diamond, diamond_id, idle)
