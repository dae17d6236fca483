"""API key repository (table `api_keys`)."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from inventory.core.database import Connection
from inventory.core.sql import Statements

sql = Statements("app.auth")


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `api_keys`. Only the hash of a key is stored."""

    id: str
    client_id: str
    name: str
    key_hash: str
    scopes: Sequence[str]
    signature_v1: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def live_at(self, now: datetime) -> bool:
        """Whether the key is valid at `now`: not revoked and not expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


async def by_id(connection: Connection, key_id: str) -> StoredKey | None:
    row = await connection.fetchrow(sql.key_by_id, key_id)
    return StoredKey(**row) if row else None


async def by_hash(connection: Connection, key_hash: str) -> StoredKey | None:
    row = await connection.fetchrow(sql.key_by_hash, key_hash)
    return StoredKey(**row) if row else None


async def of_client(connection: Connection, client_id: str) -> Sequence[StoredKey]:
    """Return the keys of a client, newest last."""
    return [StoredKey(**row) for row in await connection.fetch(sql.keys_of_client, client_id)]


async def all_keys(connection: Connection) -> Sequence[StoredKey]:
    return [StoredKey(**row) for row in await connection.fetch(sql.keys)]


async def lock(connection: Connection, key_id: str) -> StoredKey | None:
    row = await connection.fetchrow(sql.lock_key, key_id)
    return StoredKey(**row) if row else None


async def add(connection: Connection, key: StoredKey) -> None:
    await connection.execute(
        sql.add_key,
        key.id,
        key.client_id,
        key.name,
        key.key_hash,
        list(key.scopes),
        key.signature_v1,
        key.created_at,
        key.expires_at,
    )


async def expire(connection: Connection, key_id: str, at: datetime) -> None:
    await connection.execute(sql.expire_key, key_id, at)


async def revoke(connection: Connection, key_id: str, now: datetime) -> bool:
    """Revoke a key. Return whether it exists."""
    return await connection.fetchval(sql.revoke_key, key_id, now) is not None


async def allow_v1(connection: Connection, client_id: str, *, allowed: bool) -> bool:
    """Allow or forbid signature version 1 for all keys of a client. Return whether it has a key."""
    return bool(await connection.fetch(sql.allow_v1, client_id, allowed))


async def touch(connection: Connection, key_id: str, now: datetime) -> None:
    await connection.execute(sql.touch_key, key_id, now)
