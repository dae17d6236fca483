"""API keys with a real database: validity, lifetime, and statements per authentication."""

import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from app.auth import authenticator as module
from app.auth import keys
from app.auth.api_key_service import ApiKeyService
from app.auth.authenticator import CACHE_SECONDS, Authenticator
from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.errors import Conflict, NotFound, Unauthenticated, ValidationFailed
from inventory.core.settings import Settings


class FakeClock:
    """A manual clock."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def clock(self) -> datetime:
        return self.now

    def ticks(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with Database.open(settings.database) as database:
        yield database


@pytest.fixture
def key_service(database: Database, clock: FakeClock) -> ApiKeyService:
    return ApiKeyService(database, clock.clock)


@pytest.fixture
def authenticator(database: Database, clock: FakeClock) -> Authenticator:
    return Authenticator(database, clock=clock.clock, ticks=clock.ticks)


async def accepts(authenticator: Authenticator, key: str) -> bool:
    try:
        await authenticator.authenticate({"x-api-key": key})
    except Unauthenticated:
        return False
    return True


async def test_key_has_client_and_scopes(key_service: ApiKeyService, authenticator: Authenticator) -> None:
    issued = await key_service.create("shop", "acme", [Scope.DIAMONDS_READ, Scope.HOLDS_WRITE])
    principal = await authenticator.authenticate({"x-api-key": issued.key.text})
    assert (principal.client_id, principal.key_id) == ("acme", issued.key.id)
    assert principal.scopes == {"diamonds:read", "holds:write"}


async def test_database_stores_hash_and_not_key(key_service: ApiKeyService, database_url: str) -> None:
    issued = await key_service.create("shop", "acme", [])
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow("SELECT * FROM inventory.api_keys")
    await connection.close()
    assert row is not None
    assert row["key_hash"] == keys.digest(issued.key.text.encode())
    assert issued.key.text.split("_")[3] not in str(dict(row))


async def test_api_key_header_takes_precedence(key_service: ApiKeyService, authenticator: Authenticator) -> None:
    good = (await key_service.create("shop", "acme", [])).key.text
    assert (await authenticator.authenticate({"authorization": f"Bearer {good}"})).client_id == "acme"
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate({"x-api-key": "bad", "authorization": f"Bearer {good}"})
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate({"x-api-key": "", "authorization": f"Bearer {good}"})


async def test_unknown_id_and_wrong_secret_are_compared_equally(
    key_service: ApiKeyService, authenticator: Authenticator, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = (await key_service.create("shop", "acme", [])).key
    body = f"dia_live_{known.id}_{'x' * 33}"
    wrong_secret = f"{body}_{keys._checksum(body)}"
    compared: list[int] = []
    plain = hmac.compare_digest

    def compare(given: str, stored: str) -> bool:
        compared.append(len(stored))
        return plain(given, stored)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    traces = []
    for key in (keys.generate().text, wrong_secret):
        statements.clear()
        compared.clear()
        assert not await accepts(authenticator, key)
        traces.append(([text for text in statements if "api_keys" in text], list(compared)))
    assert traces[0] == traces[1]
    assert len(traces[0][0]) == 1
    assert traces[0][1] == [64]


async def test_malformed_key_is_rejected_without_database(
    key_service: ApiKeyService, authenticator: Authenticator, statements: list[str]
) -> None:
    text = (await key_service.create("shop", "acme", [])).key.text
    statements.clear()
    for position in range(len(keys.PREFIX), len(text)):
        replacement = "x" if text[position] != "x" else "y"
        assert not await accepts(authenticator, text[:position] + replacement + text[position + 1 :])
    assert not await accepts(authenticator, "k" * (keys.MAX_KEY_LENGTH + 1))
    assert statements == []


async def test_key_of_previous_system_is_found_by_hash(authenticator: Authenticator, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    for number, legacy in enumerate((b"old key, any string", "schlüssel".encode())):
        await connection.execute(
            "INSERT INTO inventory.api_keys (id, client_id, name, key_hash, scopes) VALUES ($1, 'old', 'old', $2, '{}')",
            f"legacy-{number}",
            keys.digest(legacy),
        )
    await connection.close()
    assert (await authenticator.authenticate({"x-api-key": "old key, any string"})).key_id == "legacy-0"
    # As a server decodes the header's bytes.
    assert (
        await authenticator.authenticate({"x-api-key": "schlüssel".encode().decode("latin-1")})
    ).key_id == "legacy-1"
    assert not await accepts(authenticator, "old key, any strinG")


async def test_revoked_key_is_rejected_when_cache_expires(
    key_service: ApiKeyService, authenticator: Authenticator, clock: FakeClock
) -> None:
    key = (await key_service.create("shop", "acme", [])).key
    assert await accepts(authenticator, key.text)
    await key_service.revoke(key.id)
    clock.advance(CACHE_SECONDS)
    assert not await accepts(authenticator, key.text)
    assert CACHE_SECONDS <= 10


async def test_cached_key_expires_at_its_instant(
    key_service: ApiKeyService, authenticator: Authenticator, clock: FakeClock
) -> None:
    key = (await key_service.create("shop", "acme", [], lifetime=timedelta(seconds=3))).key.text
    assert await accepts(authenticator, key)
    clock.advance(2)
    assert await accepts(authenticator, key)
    clock.advance(1)
    assert not await accepts(authenticator, key)


async def test_key_is_looked_up_once_per_cache_period(
    key_service: ApiKeyService, authenticator: Authenticator, clock: FakeClock, statements: list[str]
) -> None:
    key = (await key_service.create("shop", "acme", [])).key.text
    lookups = []
    for _ in range(3):
        statements.clear()
        for _ in range(10):
            assert await accepts(authenticator, key)
        lookups.append(sum("FROM api_keys" in text for text in statements))
        clock.advance(CACHE_SECONDS)
    assert lookups == [1, 1, 1]


async def test_number_of_cached_keys_is_bounded(
    key_service: ApiKeyService, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CACHE_SIZE", 3)
    authenticator = Authenticator(database)
    for number in range(6):
        assert await accepts(authenticator, (await key_service.create(f"key {number}", "acme", [])).key.text)
        assert not await accepts(authenticator, keys.generate().text)
    assert len(authenticator._cache) == 3


async def test_last_use_of_key_is_recorded_at_most_once_per_minute(
    key_service: ApiKeyService, authenticator: Authenticator, clock: FakeClock, statements: list[str]
) -> None:
    key = (await key_service.create("shop", "acme", [])).key.text
    for _ in range(13):
        assert await accepts(authenticator, key)
        clock.advance(CACHE_SECONDS)
    assert sum("UPDATE api_keys SET last_used_at" in text for text in statements) == 2
    (stored,) = await key_service.list()
    assert stored.last_used_at == clock.now - timedelta(seconds=CACHE_SECONDS)


async def test_last_use_is_recorded_by_first_of_two_processes(
    key_service: ApiKeyService, database: Database, clock: FakeClock
) -> None:
    key = (await key_service.create("shop", "acme", [])).key.text
    first, second = (Authenticator(database, clock=clock.clock, ticks=clock.ticks) for _ in range(2))
    assert await accepts(first, key)
    noted = clock.now
    clock.advance(30)
    assert await accepts(second, key)
    (stored,) = await key_service.list()
    assert stored.last_used_at == noted


async def test_rotated_key_is_valid_during_overlap(
    key_service: ApiKeyService, authenticator: Authenticator, clock: FakeClock
) -> None:
    old = await key_service.create(
        "shop", "acme", [Scope.DIAMONDS_READ], lifetime=timedelta(days=30), signature_v1=True
    )
    clock.advance(86_400)
    new = await key_service.rotate(old.key.id, keep=timedelta(hours=1))
    assert (new.stored.client_id, new.stored.name, new.stored.scopes) == ("acme", "shop", ("diamonds:read",))
    assert (new.stored.expires_at, new.stored.signature_v1) == (clock.now + timedelta(days=30), True)
    assert await accepts(authenticator, old.key.text)
    assert await accepts(authenticator, new.key.text)
    clock.advance(3600)
    assert not await accepts(authenticator, old.key.text)
    assert await accepts(authenticator, new.key.text)


async def test_rotation_never_extends_old_key(key_service: ApiKeyService, clock: FakeClock) -> None:
    old = await key_service.create("shop", "acme", [], lifetime=timedelta(hours=1))
    await key_service.rotate(old.key.id, keep=timedelta(hours=24))
    stored = {key.id: key for key in await key_service.list()}
    assert stored[old.key.id].expires_at == clock.now + timedelta(hours=1)


async def test_inactive_key_cannot_be_rotated_and_unknown_key_not_revoked(
    key_service: ApiKeyService, clock: FakeClock
) -> None:
    key = (await key_service.create("shop", "acme", [])).key
    await key_service.revoke(key.id)
    (revoked,) = await key_service.list()
    clock.advance(60)
    await key_service.revoke(key.id)  # a repetition is harmless and keeps the first instant
    assert [stored.revoked_at for stored in await key_service.list()] == [revoked.revoked_at]
    with pytest.raises(Conflict):
        await key_service.rotate(key.id, keep=timedelta())
    with pytest.raises(NotFound):
        await key_service.rotate("nobody", keep=timedelta())
    with pytest.raises(NotFound):
        await key_service.revoke("nobody")


async def test_key_requires_name_and_client(key_service: ApiKeyService) -> None:
    with pytest.raises(ValidationFailed, match="name: is blank; client: is blank"):
        await key_service.create(" ", "", [])
