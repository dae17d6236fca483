"""API key service: create, rotate and revoke keys."""

from collections.abc import Collection, Sequence
from datetime import timedelta

import msgspec

from app.auth import keys, repository
from app.auth.repository import StoredKey
from app.auth.scopes import Scope
from inventory.core.clock import Clock, utc_now
from inventory.core.database import Database
from inventory.core.errors import Conflict, Forbidden, NotFound, ValidationFailed


class IssuedKey(msgspec.Struct, frozen=True):
    """A new key in plain text, which is not stored, and its row."""

    key: keys.ApiKey
    stored: StoredKey


class ApiKeyService:
    """Operations on API keys for operators."""

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
        """Create a key for a client. Without a `lifetime` the key stays valid until it is revoked.

        `signature_v1` allows the client to sign requests with version 1, that of the previous system.

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

    async def list(self) -> Sequence[StoredKey]:
        """Return all keys, oldest first."""
        async with self._database.connection() as connection:
            return await repository.all_keys(connection)

    async def require_client(self, client_id: str) -> None:
        """Check that a client has a key, valid or not.

        Raises:
            NotFound: no key belongs to this client.
        """
        async with self._database.connection() as connection:
            if not await repository.of_client(connection, client_id):
                raise NotFound(f"There is no client {client_id}. `keys list` shows the clients.")

    async def revoke(self, key_id: str) -> None:
        """Revoke a key. Processes reject it after at most `CACHE_SECONDS`.

        Raises:
            NotFound: no key has this id.
        """
        async with self._database.connection() as connection:
            if not await repository.revoke(connection, key_id, self._clock()):
                raise NotFound(f"There is no key {key_id}.")

    async def allow_v1(self, client_id: str, *, allowed: bool) -> None:
        """Allow or forbid signature version 1 for a client. It applies in all processes after at most `CACHE_SECONDS`.

        Raises:
            NotFound: the client has no key.
        """
        async with self._database.connection() as connection:
            if not await repository.allow_v1(connection, client_id, allowed=allowed):
                raise NotFound(f"There is no key of a client {client_id}.")

    async def rotate(self, key_id: str, *, keep: timedelta, granted: Collection[str] | None = None) -> IssuedKey:
        """Create a key with the same client, name, scopes and lifetime. The old key stays valid for `keep`.

        `granted`: the scopes of the caller, who sees the new key and must not gain a scope by it. None: an operator with
        access to the database.

        Raises:
            NotFound: no key has this id.
            Conflict: the key is revoked or has expired.
            Forbidden: the key has a scope that is not `granted`.
        """
        async with self._database.transaction() as connection:
            old = await repository.lock(connection, key_id)
            if old is None:
                raise NotFound(f"There is no key {key_id}.")
            if granted is not None and (further := sorted(set(old.scopes) - set(granted))):
                raise Forbidden(f"The key {key_id} has scopes that your key lacks: {', '.join(further)}.")
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
