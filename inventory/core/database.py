"""PostgreSQL connection pool, transactions, and type codecs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import asyncpg
import msgspec

from inventory.core.errors import DatabaseMisconfigured, DatabaseUnavailable
from inventory.core.logging import get_logger
from inventory.core.pooler import PooledConnection
from inventory.core.settings.database import DatabaseSettings
from inventory.core.telemetry import spans

log = get_logger()

_encoder = msgspec.json.Encoder()

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    # Generic for the type checker only.
    Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

# Exceptions of asyncpg while the server is unavailable, restarts, or lacks resources.
_OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # Raised for a statement on a connection that the server closes.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    # Raised at login: a wrong or rotated password, a database that is being restored.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)

# PgBouncer reports these outages as protocol violations. Every other violation is caused by settings, such as an unknown
# start-up parameter.
_POOLER_OUTAGES = ("login", "timeout", "try again", "cannot connect", "shut", "too many", "no more connections")


class Database:
    """A pool of connections to the inventory's schema."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        # Server process ids of connections that are released after an error.
        self._interrupted: set[int] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: DatabaseSettings) -> AsyncIterator[Self]:
        """Open the pool for a `with` block. It connects on first use, so a service can start before its database."""
        database = cls(settings)
        schema = settings.schema_name
        session: dict[str, Any] = (
            {"connection_class": PooledConnection.to(schema), "statement_cache_size": 0}
            if settings.pooler == "transaction"
            # Sent in the startup packet, which saves a round trip. JIT compilation costs more than most statements take.
            else {
                "server_settings": {"search_path": schema, "timezone": "UTC", "jit": "off"},
                "statement_cache_size": 200,
            }
        )
        pool = asyncpg.create_pool(
            settings.need("url"),
            min_size=0,
            max_size=settings.pool_size,
            timeout=settings.timeout_seconds,
            max_inactive_connection_lifetime=300,
            # Without a limit, a statement on a connection with a silent peer would wait for the TCP timeout.
            command_timeout=settings.statement_seconds,
            init=_prepare,
            reset=database._end_statement,
            **session,
        )
        async with pool:
            database._pool = pool
            yield database

    @property
    def size(self) -> int:
        """Largest number of connections."""
        return self._settings.pool_size

    @property
    def connections(self) -> tuple[int, int]:
        """Open connections, and those of them that are in use."""
        if self._pool is None:
            return 0, 0
        opened = self._pool.get_size()
        return opened, opened - self._pool.get_idle_size()

    @property
    def acquire_timeout(self) -> float:
        """Longest wait for a connection, in seconds."""
        return self._settings.timeout_seconds

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Acquire a connection outside a transaction.

        Raises:
            DatabaseUnavailable: no connection is available in time, or the connection was lost.
            DatabaseMisconfigured: the server or a pooler rejects the connection because of settings.
        """
        assert self._pool is not None, "use `async with Database.open(settings.database)`"  # noqa: S101 - a programming error
        try:
            # asyncpg's own timeout starts a task for each acquisition.
            async with asyncio.timeout(self._settings.timeout_seconds):
                connection = await self._pool.acquire()
            process_id = None
            try:
                yield connection
            except BaseException:
                process_id = _process_id(connection)
                if process_id is not None:
                    self._interrupted.add(process_id)
                raise
            finally:
                _release_if_closed(connection)
                try:
                    # A release waits until the server has cancelled an interrupted statement: not longer than this.
                    await self._pool.release(connection, timeout=self._settings.timeout_seconds)
                finally:
                    if process_id is not None:
                        self._interrupted.discard(process_id)
        except asyncpg.ProtocolViolationError as error:
            if any(phrase in str(error) for phrase in _POOLER_OUTAGES):
                raise DatabaseUnavailable from error
            reason = (
                f"DATABASE_URL: the server refuses the connection: {error}. "
                "If it is the address of a pooler in transaction mode, set DATABASE_POOLER=transaction"
            )
            log.error("database_misconfigured", reason=reason)  # noqa: TRY400 - the reason is enough
            raise DatabaseMisconfigured(reason) from error
        except _OUTAGES as error:
            raise DatabaseUnavailable from error

    async def _end_statement(self, connection: Connection) -> None:
        """End the implicit transaction of a statement that was parsed and not executed. Called at each release.

        asyncpg sends Parse with Flush, and Sync only with the execution. If the task is cancelled or an argument is invalid in
        between, the session stays in a transaction with the locks of the statement. asyncpg's own reset would end it, but costs
        every release a round trip, and no statement leaves other state in its session.
        """
        if connection.get_server_pid() in self._interrupted:
            await connection.execute("SELECT 1")

    @asynccontextmanager
    async def bounded(self) -> AsyncIterator[Connection]:
        """Acquire a connection for short statements. Its use is limited to `acquire_timeout`.

        Raises:
            DatabaseUnavailable: as `connection`, or the limit was exceeded.
        """
        async with self.connection() as connection, asyncio.timeout(self._settings.timeout_seconds):
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Acquire a connection in a transaction that commits at the end of the `with` block.

        Raises:
            DatabaseUnavailable: as `connection`. The outcome of the commit is then unknown.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def bounded_transaction(self) -> AsyncIterator[Connection]:
        """Acquire a connection in a transaction of short statements. It is limited to `acquire_timeout`.

        Raises:
            DatabaseUnavailable: as `transaction`, or the limit was exceeded.
        """
        async with self.transaction() as connection, asyncio.timeout(self._settings.timeout_seconds):
            yield connection

    async def ping(self) -> None:
        """Check that the database answers.

        Raises:
            DatabaseUnavailable: the database does not answer within two seconds.
        """
        try:
            async with asyncio.timeout(2), self.connection() as connection:
                await connection.fetchval("SELECT 1")
        except TimeoutError as error:
            raise DatabaseUnavailable from error


def _process_id(connection: Connection) -> int | None:
    """Return the server process of a connection, None if the connection was lost."""
    with suppress(asyncpg.InterfaceError):  # released already
        if not connection.is_closed():
            return connection.get_server_pid()
    return None


def _release_if_closed(connection: Connection) -> None:
    """Release the pool slot of a connection that was lost while it was acquired or used.

    asyncpg releases the slot when it detects the loss. If the server closes the connection at the same moment, it does not:
    the pool would stay smaller by one connection and would never close.
    """
    with suppress(asyncpg.InterfaceError):  # released already
        if connection.is_closed():
            connection.terminate()


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    spans.log_queries(connection)
    await _set_codecs(connection)


async def _set_codecs(connection: Connection) -> None:
    await connection.set_type_codec("jsonb", encoder=_encode_json, decoder=msgspec.json.decode, schema="pg_catalog")


def _encode_json(value: object) -> str:
    return _encoder.encode(value).decode()
