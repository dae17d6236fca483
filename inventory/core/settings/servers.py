"""Settings of PostgreSQL, Redis, Service Bus and the watermark storage."""

from typing import Annotated, Literal

from pydantic import BaseModel

from inventory.core.settings.addresses import BusConnection, HttpUrl, PostgresUrl, RedisUrl, StorageConnection
from inventory.core.settings.field import setting


class ServerSettings(BaseModel):
    """Addresses and names of servers, queues and containers."""

    database_url: Annotated[
        PostgresUrl | None,
        setting("Database", "Postgres 15 or newer.", example="postgresql://user:password@localhost:5432/diamonds"),
    ] = None
    database_direct_url: Annotated[
        PostgresUrl | None,
        setting(
            "Database",
            "The same database without the transaction pooler, for migrations and LISTEN; when not set, DATABASE_URL.",
            example="postgresql://user:password@localhost:5432/diamonds",
        ),
    ] = None
    database_schema: Annotated[
        str, setting("Database", "Schema of all tables.", pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    ] = "inventory"
    database_pool_size: Annotated[
        int, setting("Database", "Most connections that one process opens.", ge=1, le=200)
    ] = 10
    database_pooler: Annotated[
        Literal["none", "transaction"],
        setting("Database", "transaction: DATABASE_URL is a pooler in transaction mode (PgBouncer, Supavisor)."),
    ] = "none"
    database_timeout_seconds: Annotated[
        float, setting("Database", "Longest wait for a connection or a short statement.", gt=0, le=600)
    ] = 10.0

    database_statement_seconds: Annotated[
        float,
        setting("Database", "Longest time of one statement, a batch of the sync included.", gt=0, le=86_400),
    ] = 120.0

    redis_url: Annotated[
        RedisUrl | None, setting("Redis", "Redis or Valkey, 6 or newer.", example="redis://localhost:6379/0")
    ] = None

    azure_service_bus_connection_string: Annotated[
        BusConnection | None,
        setting(
            "Service Bus",
            "Connection string; or set AZURE_SERVICE_BUS_NAMESPACE to use a managed identity.",
            example="Endpoint=sb://localhost:5673;SharedAccessKeyName=x;SharedAccessKey=x;UseDevelopmentEmulator=true;",
        ),
    ] = None
    azure_service_bus_namespace: Annotated[
        str | None,
        setting("Service Bus", "Namespace reached with a managed identity.", example="example.servicebus.windows.net"),
    ] = None
    queue_work_items: Annotated[str, setting("Service Bus", "Queue of partitions to read.")] = "work-items"
    queue_work_done: Annotated[str, setting("Service Bus", "Queue of reports on finished partitions.")] = "work-done"
    queue_consolidate: Annotated[str, setting("Service Bus", "Queue of runs to consolidate.")] = "consolidate"
    queue_max_delivery_count: Annotated[
        int,
        setting("Service Bus", "Deliveries before a message is a dead letter, as set on the queues.", ge=1, le=2000),
    ] = 10

    azure_storage_connection_string: Annotated[
        StorageConnection | None,
        setting(
            "Watermark",
            "Connection string; or set AZURE_STORAGE_ACCOUNT_URL to use a managed identity.",
            example="DefaultEndpointsProtocol=https;AccountName=example;AccountKey=...;EndpointSuffix=core.windows.net",
        ),
    ] = None
    azure_storage_account_url: Annotated[
        HttpUrl | None,
        setting("Watermark", "Account reached with a managed identity.", example="https://x.blob.core.windows.net"),
    ] = None
    watermark_container: Annotated[str, setting("Watermark", "Blob container of the watermarks.")] = "watermarks"
    watermark_directory: Annotated[
        str | None,
        setting("Watermark", "A local directory instead of Azure Storage, for one machine.", example="./watermarks"),
    ] = None
