"""Runs the migrations against the URL and schema that `app.core.migrate` hands over."""

import asyncio

import asyncpg
from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine


def run(connection: Connection, schema: str) -> None:
    """Migrate inside one transaction; a second migrator waits for the first by an advisory lock."""
    connection.execute(text("SELECT pg_advisory_lock(hashtext('diamond-inventory migrations'))"))
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    connection.execute(text(f'SET search_path TO "{schema}"'))
    connection.execute(text("SET lock_timeout TO '5s'"))
    connection.commit()
    context.configure(
        connection=connection,
        version_table="schema_migrations",
        version_table_schema=schema,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect() -> None:
    """Open one connection and migrate through it."""
    schema = context.config.attributes["schema"]
    url = context.config.attributes["url"]
    # By asyncpg itself, which reads the URL as the pool does; SQLAlchemy has other words for TLS.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda **_: asyncpg.connect(url), poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(run, schema)
    await engine.dispose()


asyncio.run(connect())
