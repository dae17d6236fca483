"""Connections through a pooler in transaction mode (PgBouncer, Supavisor, Azure's built-in pooler on port 6432).

Such a pooler assigns a server connection to each transaction. So a session must not have state:

- The search path is set per transaction. PgBouncer rejects it as a start-up parameter, and a `SET` would affect only one of
  many server connections. It is set together with `BEGIN`, in one message.
- A statement outside a transaction is wrapped in one. asyncpg sends it in two steps (prepare, execute), which must reach
  the same server connection.
- Prepared statements are not cached: PgBouncer supports them since 1.21 only.

Compared with a direct connection, a statement outside a transaction takes three more round trips, and a statement inside one
takes one more.
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
    """A connection without session state."""

    _path: ClassVar[str]

    @classmethod
    def to(cls, schema: str) -> type["PooledConnection"]:
        """Return the class of connections to a schema."""
        path = f" SET LOCAL search_path = \"{schema}\"; SET LOCAL TIME ZONE 'UTC'; SET LOCAL jit = off;"
        return type(cls.__name__, (cls,), {"_path": path})

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        """Execute as asyncpg does, in a transaction."""
        if not args and query.startswith("BEGIN"):
            return await super().execute(query + self._path, **options)
        if self.is_in_transaction():
            return await super().execute(query, *args, **options)
        async with self.transaction():
            return await super().execute(query, *args, **options)

    async def executemany(self, command: str, args: Iterable[Any], **options: Any) -> None:
        """Execute as asyncpg does, in a transaction."""
        if self.is_in_transaction():
            return await super().executemany(command, args, **options)
        async with self.transaction():
            return await super().executemany(command, args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        """Execute as asyncpg does, in a transaction."""
        if self.is_in_transaction():
            return await super().fetch(query, *args, **options)
        async with self.transaction():
            return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        """Execute as asyncpg does, in a transaction."""
        if self.is_in_transaction():
            return await super().fetchrow(query, *args, **options)
        async with self.transaction():
            return await super().fetchrow(query, *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        """Execute as asyncpg does, in a transaction."""
        if self.is_in_transaction():
            return await super().fetchval(query, *args, **options)
        async with self.transaction():
            return await super().fetchval(query, *args, **options)
