"""Connections through a pooler in transaction mode (PgBouncer, Supavisor, Azure's built-in one on port 6432).

Such a pooler gives a client another server connection for each transaction. So nothing may be kept in a session:

- The search path belongs to the transaction. PgBouncer refuses a client that sends it at start-up, and a `SET` would reach
  one server connection of many. It is set together with `BEGIN`, in one message.
- A statement outside a transaction becomes its own transaction. asyncpg sends it in two steps (prepare, execute), which
  two server connections would not understand.
- No prepared statement is kept: PgBouncer knows them from 1.21 on only.

A statement outside a transaction takes three round trips more than without a pooler, one inside of a transaction one more.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import asyncpg

if TYPE_CHECKING:
    BaseConnection = asyncpg.Connection[asyncpg.Record]
else:
    # Generic for the type checker only.
    BaseConnection = asyncpg.Connection


class PooledConnection(BaseConnection):
    """A connection that keeps nothing in its session."""

    _path: ClassVar[str]

    @classmethod
    def to(cls, schema: str) -> type["PooledConnection"]:
        """Return the class of connections to a schema."""
        path = f" SET LOCAL search_path = \"{schema}\"; SET LOCAL TIME ZONE 'UTC';"
        return type(cls.__name__, (cls,), {"_path": path})

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        """As asyncpg's, in a transaction."""
        if not args and query.startswith("BEGIN"):
            return await super().execute(query + self._path, **options)
        if self.is_in_transaction():
            return await super().execute(query, *args, **options)
        async with self.transaction():
            return await super().execute(query, *args, **options)

    async def executemany(self, command: str, args: Iterable[Any], **options: Any) -> None:
        """As asyncpg's, in a transaction."""
        if self.is_in_transaction():
            return await super().executemany(command, args, **options)
        async with self.transaction():
            return await super().executemany(command, args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        """As asyncpg's, in a transaction."""
        if self.is_in_transaction():
            return await super().fetch(query, *args, **options)
        async with self.transaction():
            return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        """As asyncpg's, in a transaction."""
        if self.is_in_transaction():
            return await super().fetchrow(query, *args, **options)
        async with self.transaction():
            return await super().fetchrow(query, *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        """As asyncpg's, in a transaction."""
        if self.is_in_transaction():
            return await super().fetchval(query, *args, **options)
        async with self.transaction():
            return await super().fetchval(query, *args, **options)
