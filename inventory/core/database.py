"""Postgres: the pool, transactions, and the codecs that every connection gets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import asyncpg
import msgspec

from inventory.core.errors import DatabaseMisconfigured, DatabaseUnavailable
from inventory.core.logging import get_logger
from inventory.core.pooler import PooledConnection
from inventory.core.settings import Settings

log = get_logger()

_encoder = msgspec.json.Encoder()

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    # Generic for the type checker only.
    Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

# What asyncpg raises when the server is gone, restarts, or refuses for lack of resources.
_OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # A statement on a connection that the server is closing.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    # Refused at login: a wrong or rotated password, a database that is being restored.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)

# PgBouncer reports these outages as protocol violations. Every other violation is a matter of settings, such as a start-up
# parameter that it does not know.
_POOLER_OUTAGES = ("login", "timeout", "try again", "cannot connect", "shut", "too many", "no more connections")


class Database:
    """A pool of connections to the inventory's schema."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Self]:
        """The database for the length of a `with`; connects on first use, so a service starts before its database."""
        database = cls(settings)
        schema = settings.database_schema
        session: dict[str, Any] = (
            {"connection_class": PooledConnection.to(schema), "statement_cache_size": 0}
            if settings.database_pooler == "transaction"
            # In the startup packet, so that it takes no round trip.
            else {"server_settings": {"search_path": schema, "timezone": "UTC"}, "statement_cache_size": 200}
        )
        pool = asyncpg.create_pool(
            settings.need("database_url"),
            min_size=0,
            max_size=settings.database_pool_size,
            timeout=settings.database_timeout_seconds,
            max_inactive_connection_lifetime=300,
            # Without a limit, a statement on a connection whose peer is silent would wait for TCP to give up.
            command_timeout=settings.database_statement_seconds,
            init=_set_codecs,
            reset=_leave_as_it_is,
            **session,
        )
        async with pool:
            database._pool = pool
            yield database

    @property
    def size(self) -> int:
        """The most connections that it opens."""
        return self._settings.database_pool_size

    @property
    def patience(self) -> float:
        """The longest wait for a connection, in seconds."""
        return self._settings.database_timeout_seconds

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection outside a transaction.

        Raises:
            DatabaseUnavailable: no connection is available in time, or it was lost.
            DatabaseMisconfigured: the server, or a pooler in front of it, rejects the way it is used.
        """
        assert self._pool is not None, "use `async with Database.open(settings)`"  # noqa: S101 - a mistake of ours
        try:
            async with self._pool.acquire(timeout=self._settings.database_timeout_seconds) as connection:
                try:
                    yield connection
                finally:
                    _free_if_lost(connection)
        except asyncpg.ProtocolViolationError as error:
            if any(phrase in str(error) for phrase in _POOLER_OUTAGES):
                raise DatabaseUnavailable from error
            reason = (
                f"DATABASE_URL: the server refuses the connection: {error}. "
                "If it leads to a pooler in transaction mode, set DATABASE_POOLER=transaction"
            )
            log.error("database_misconfigured", reason=reason)  # noqa: TRY400 - the reason is all that helps
            raise DatabaseMisconfigured(reason) from error
        except _OUTAGES as error:
            raise DatabaseUnavailable from error

    @asynccontextmanager
    async def bounded(self) -> AsyncIterator[Connection]:
        """A connection for short statements. Its use is limited to the time that the wait for a connection may take.

        Raises:
            DatabaseUnavailable: as `connection`, or the limit has passed.
        """
        async with self.connection() as connection, asyncio.timeout(self._settings.database_timeout_seconds):
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction that commits at the end of the `with`.

        Raises:
            DatabaseUnavailable: as `connection`. Whether the commit happened is then unknown.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def bounded_transaction(self) -> AsyncIterator[Connection]:
        """As `transaction`, for short statements. It is limited to the time that the wait for a connection may take.

        Raises:
            DatabaseUnavailable: as `transaction`, or the limit has passed.
        """
        async with self.transaction() as connection, asyncio.timeout(self._settings.database_timeout_seconds):
            yield connection

    async def ping(self) -> None:
        """Check that the database answers.

        Raises:
            DatabaseUnavailable: it does not answer within two seconds.
        """
        try:
            async with asyncio.timeout(2), self.connection() as connection:
                await connection.fetchval("SELECT 1")
        except TimeoutError as error:
            raise DatabaseUnavailable from error


def _free_if_lost(connection: Connection) -> None:
    """Free the place in the pool of a connection that was lost while it was handed out or used.

    asyncpg frees it when it notices the loss itself. Where the server ends the connection at the same moment it does not,
    and the pool would stay smaller by one and never close.
    """
    with suppress(asyncpg.InterfaceError):  # it is free already
        if connection.is_closed():
            connection.terminate()


async def _leave_as_it_is(_connection: Connection) -> None:
    """Skip asyncpg's reset of a session: no statement here leaves state in its session, and the reset costs a round trip."""


async def _set_codecs(connection: Connection) -> None:
    await connection.set_type_codec("jsonb", encoder=_encode_json, decoder=msgspec.json.decode, schema="pg_catalog")


def _encode_json(value: object) -> str:
    return _encoder.encode(value).decode()
