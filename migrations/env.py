"""Runs the migrations against the URL and schema that `inventory.core.migrate` hands over."""

import asyncio
import time

import asyncpg
from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from inventory.core.migrate import LockTimeouts

_LOCK_NOT_AVAILABLE = "55P03"
_ASK_SECONDS = 0.2


def run(connection: Connection, schema: str, patience: LockTimeouts) -> None:
    """Migrate, one transaction for each revision; a second migrator waits for the first by an advisory lock."""
    _disable_statement_timeout(connection)
    _be_the_only_one(connection)
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    connection.execute(text(f'SET search_path TO "{schema}"'))
    connection.execute(text(f"SET lock_timeout TO '{round(patience.lock_seconds * 1000)}ms'"))
    connection.commit()
    for left in reversed(range(patience.tries)):
        try:
            _migrate(connection, schema)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE or not left:
                raise
        else:
            return
        # What was done up to here stays; the revision that met the lock begins again.
        connection.rollback()
        time.sleep(patience.pause_seconds)


def _migrate(connection: Connection, schema: str) -> None:
    context.configure(
        connection=connection,
        version_table="schema_migrations",
        version_table_schema=schema,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _disable_statement_timeout(connection: Connection) -> None:
    """Let statements of this session take as long as they need.

    A role or database may have a limit that suits requests. Supabase's is two minutes, and an index of a large table takes
    longer (https://supabase.com/docs/guides/database/postgres/timeouts). Locks have their own limit.
    """
    connection.execute(text("SET statement_timeout TO 0"))
    connection.commit()


def _be_the_only_one(connection: Connection) -> None:
    """Take the migrators' lock.

    Asks again and again instead of waiting inside one statement: an index that is built concurrently waits for every open
    statement, so the second migrator would wait for the first, and the first for the second.
    """
    while not connection.scalar(text("SELECT pg_try_advisory_lock(hashtext('diamond-inventory migrations'))")):
        connection.commit()
        time.sleep(_ASK_SECONDS)
    connection.commit()


async def connect() -> None:
    """Open one connection and migrate through it."""
    schema = context.config.attributes["schema"]
    url = context.config.attributes["url"]
    # By asyncpg itself, which reads the URL as the pool does; SQLAlchemy has other words for TLS.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda **_: asyncpg.connect(url), poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(run, schema, context.config.attributes["patience"])
    await engine.dispose()


asyncio.run(connect())
