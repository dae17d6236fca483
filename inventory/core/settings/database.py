"""Settings of PostgreSQL."""

from typing import Annotated, Literal

from inventory.core.settings.addresses import PostgresUrl
from inventory.core.settings.section import ServerSection, setting


class DatabaseSettings(ServerSection, title="Database", prefix="DATABASE_"):
    """Address, schema, pool and timeouts of PostgreSQL."""

    url: Annotated[
        PostgresUrl | None,
        setting("Postgres 15 or newer.", example="postgresql://user:password@localhost:5432/diamonds"),
    ] = None
    direct_url: Annotated[
        PostgresUrl | None,
        setting(
            "The same database without the transaction pooler, for migrations and LISTEN; when not set, DATABASE_URL.",
            example="postgresql://user:password@localhost:5432/diamonds",
        ),
    ] = None
    schema_name: Annotated[
        str, setting("Schema of all tables.", variable="DATABASE_SCHEMA", pattern=r"^[a-z_][a-z0-9_]{0,62}\Z")
    ] = "inventory"
    pool_size: Annotated[int, setting("Most connections that one process opens.", ge=1, le=200)] = 10
    pooler: Annotated[
        Literal["none", "transaction"],
        setting("transaction: DATABASE_URL is a pooler in transaction mode (PgBouncer, Supavisor)."),
    ] = "none"
    timeout_seconds: Annotated[float, setting("Longest wait for a connection or a short statement.", gt=0, le=600)] = (
        10.0
    )
    statement_seconds: Annotated[
        float,
        setting("Longest time of one statement, a batch of the sync included.", gt=0, le=86_400),
    ] = 120.0
