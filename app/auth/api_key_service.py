"""Issuing, rotating and revoking API keys."""

from collections.abc import Collection, Sequence
from datetime import timedelta

import msgspec

from app.auth import keys, repository
from app.auth.repository import StoredKey
from app.auth.scopes import Scope
from inventory.core.clock import Clock, utc_now
from inventory.core.database import Database
from inventory.core.errors import Conflict, NotFound, ValidationFailed


class IssuedKey(msgspec.Struct, frozen=True):
    """A new key, in the clear for the only time, and its row."""

    key: keys.ApiKey
    stored: StoredKey


class ApiKeyService:
    """What an operator does with keys."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self,
        name: str,
        client_id: str,
        scopes: Collection[Scope],
        *,
        lifetime: timedelta | None = None,
        signature_v1: bool = False,
    ) -> IssuedKey:
        """A key for a client. Without a `lifetime` it stays valid until it is revoked.

        `signature_v1`: whether the client may also sign in the previous system's way.

        Raises:
            ValidationFailed: the name or the client is blank.
        """
        blank = {field: "is blank" for field, text in (("name", name), ("client", client_id)) if not text.strip()}
        if blank:
            raise ValidationFailed(blank)
        issued = self._issue(name, client_id, sorted(scopes), lifetime, signature_v1=signature_v1)
        async with self._database.connection() as connection:
            await repository.add(connection, issued.stored)
        return issued

    async def every(self) -> Sequence[StoredKey]:
        """All keys, the oldest first."""
        async with self._database.connection() as connection:
            return await repository.every(connection)

    async def revoke(self, key_id: str) -> None:
        """End a key. Every process honours it within the cache's few seconds.

        Raises:
            NotFound: there is no such key.
        """
        async with self._database.connection() as connection:
            if not await repository.revoke(connection, key_id, self._clock()):
                raise NotFound(f"There is no key {key_id}.")

    async def allow_v1(self, client_id: str, *, allowed: bool) -> None:
        """Let a client sign version 1, or no longer. Every process honours it within the cache's few seconds.

        Raises:
            NotFound: no key belongs to such a client.
        """
        async with self._database.connection() as connection:
            if not await repository.allow_v1(connection, client_id, allowed=allowed):
                raise NotFound(f"There is no key of a client {client_id}.")

    async def rotate(self, key_id: str, *, keep: timedelta) -> IssuedKey:
        """A successor with the same client, name, scopes and length of life; the old key lives on for `keep`.

        Raises:
            NotFound: there is no such key.
            Conflict: the key is no longer valid, so there is nothing to carry on.
        """
        async with self._database.transaction() as connection:
            old = await repository.lock(connection, key_id)
            if old is None:
                raise NotFound(f"There is no key {key_id}.")
            now = self._clock()
            if not old.live_at(now):
                raise Conflict(f"The key {key_id} is revoked or has expired; create a new one.")
            lifetime = old.expires_at - old.created_at if old.expires_at else None
            issued = self._issue(old.name, old.client_id, old.scopes, lifetime, signature_v1=old.signature_v1)
            await repository.add(connection, issued.stored)
            await repository.expire(connection, key_id, now + keep)
        return issued

    def _issue(
        self, name: str, client_id: str, scopes: Sequence[str], lifetime: timedelta | None, *, signature_v1: bool
    ) -> IssuedKey:
        key = keys.generate()
        now = self._clock()
        stored = StoredKey(
            id=key.id,
            client_id=client_id,
            name=name,
            key_hash=keys.digest(key.text.encode("ascii")),
            scopes=tuple(str(scope) for scope in scopes),
            signature_v1=signature_v1,
            created_at=now,
            expires_at=now + lifetime if lifetime else None,
            revoked_at=None,
            last_used_at=None,
        )
        return IssuedKey(key, stored)
