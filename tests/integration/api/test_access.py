"""Keys against a real database: which are honoured, for how long, and what is asked on the way."""

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


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def clock(self) -> datetime:
        return self.now

    def ticks(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with Database.open(settings.database) as database:
        yield database


@pytest.fixture
def key_service(database: Database, time: Time) -> ApiKeyService:
    return ApiKeyService(database, time.clock)


@pytest.fixture
def door(database: Database, time: Time) -> Authenticator:
    return Authenticator(database, clock=time.clock, ticks=time.ticks)


async def opens(door: Authenticator, key: str) -> bool:
    try:
        await door.authenticate({"x-api-key": key})
    except Unauthenticated:
        return False
    return True


async def test_a_key_brings_its_client_and_its_scopes(key_service: ApiKeyService, door: Authenticator) -> None:
    issued = await key_service.create("shop", "acme", [Scope.DIAMONDS_READ, Scope.HOLDS_WRITE])
    principal = await door.authenticate({"x-api-key": issued.key.text})
    assert (principal.client_id, principal.key_id) == ("acme", issued.key.id)
    assert principal.scopes == {"diamonds:read", "holds:write"}


async def test_the_database_knows_the_hash_and_not_the_key(key_service: ApiKeyService, database_url: str) -> None:
    issued = await key_service.create("shop", "acme", [])
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow("SELECT * FROM inventory.api_keys")
    await connection.close()
    assert row is not None
    assert row["key_hash"] == keys.digest(issued.key.text.encode())
    assert issued.key.text.split("_")[3] not in str(dict(row))


async def test_the_header_for_keys_alone_decides(key_service: ApiKeyService, door: Authenticator) -> None:
    good = (await key_service.create("shop", "acme", [])).key.text
    assert (await door.authenticate({"authorization": f"Bearer {good}"})).client_id == "acme"
    with pytest.raises(Unauthenticated):
        await door.authenticate({"x-api-key": "bad", "authorization": f"Bearer {good}"})
    with pytest.raises(Unauthenticated):
        await door.authenticate({"x-api-key": "", "authorization": f"Bearer {good}"})


async def test_an_unknown_id_and_a_wrong_secret_take_the_same_path(
    key_service: ApiKeyService, door: Authenticator, statements: list[str], monkeypatch: pytest.MonkeyPatch
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
        assert not await opens(door, key)
        traces.append(([text for text in statements if "api_keys" in text], list(compared)))
    assert traces[0] == traces[1]
    assert len(traces[0][0]) == 1
    assert traces[0][1] == [64]


async def test_a_typing_error_never_reaches_the_database(
    key_service: ApiKeyService, door: Authenticator, statements: list[str]
) -> None:
    text = (await key_service.create("shop", "acme", [])).key.text
    statements.clear()
    for position in range(len(keys.PREFIX), len(text)):
        replacement = "x" if text[position] != "x" else "y"
        assert not await opens(door, text[:position] + replacement + text[position + 1 :])
    assert not await opens(door, "k" * (keys.MAX_KEY_LENGTH + 1))
    assert statements == []


async def test_a_key_of_the_previous_system_is_found_by_its_hash(door: Authenticator, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    for number, legacy in enumerate((b"old key, any string", "schlüssel".encode())):
        await connection.execute(
            "INSERT INTO inventory.api_keys (id, client_id, name, key_hash, scopes) VALUES ($1, 'old', 'old', $2, '{}')",
            f"legacy-{number}",
            keys.digest(legacy),
        )
    await connection.close()
    assert (await door.authenticate({"x-api-key": "old key, any string"})).key_id == "legacy-0"
    # As a server decodes the header's bytes.
    assert (await door.authenticate({"x-api-key": "schlüssel".encode().decode("latin-1")})).key_id == "legacy-1"
    assert not await opens(door, "old key, any strinG")


async def test_a_revoked_key_is_refused_as_soon_as_the_memory_of_it_fades(
    key_service: ApiKeyService, door: Authenticator, time: Time
) -> None:
    key = (await key_service.create("shop", "acme", [])).key
    assert await opens(door, key.text)
    await key_service.revoke(key.id)
    time.pass_by(CACHE_SECONDS)
    assert not await opens(door, key.text)
    assert CACHE_SECONDS <= 10


async def test_a_key_expires_on_the_instant_even_when_it_is_remembered(
    key_service: ApiKeyService, door: Authenticator, time: Time
) -> None:
    key = (await key_service.create("shop", "acme", [], lifetime=timedelta(seconds=3))).key.text
    assert await opens(door, key)
    time.pass_by(2)
    assert await opens(door, key)
    time.pass_by(1)
    assert not await opens(door, key)


async def test_a_key_is_looked_up_once_in_a_while_only(
    key_service: ApiKeyService, door: Authenticator, time: Time, statements: list[str]
) -> None:
    key = (await key_service.create("shop", "acme", [])).key.text
    lookups = []
    for _ in range(3):
        statements.clear()
        for _ in range(10):
            assert await opens(door, key)
        lookups.append(sum("FROM api_keys" in text for text in statements))
        time.pass_by(CACHE_SECONDS)
    assert lookups == [1, 1, 1]


async def test_number_of_cached_keys_is_bounded(
    key_service: ApiKeyService, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CACHE_SIZE", 3)
    door = Authenticator(database)
    for number in range(6):
        assert await opens(door, (await key_service.create(f"key {number}", "acme", [])).key.text)
        assert not await opens(door, keys.generate().text)
    assert len(door._cache) == 3


async def test_the_use_of_a_key_is_noted_at_most_once_a_minute(
    key_service: ApiKeyService, door: Authenticator, time: Time, statements: list[str]
) -> None:
    key = (await key_service.create("shop", "acme", [])).key.text
    for _ in range(13):
        assert await opens(door, key)
        time.pass_by(CACHE_SECONDS)
    assert sum("UPDATE api_keys SET last_used_at" in text for text in statements) == 2
    (stored,) = await key_service.list()
    assert stored.last_used_at == time.now - timedelta(seconds=CACHE_SECONDS)


async def test_of_two_processes_only_the_first_notes_the_use(
    key_service: ApiKeyService, database: Database, time: Time
) -> None:
    key = (await key_service.create("shop", "acme", [])).key.text
    first, second = (Authenticator(database, clock=time.clock, ticks=time.ticks) for _ in range(2))
    assert await opens(first, key)
    noted = time.now
    time.pass_by(30)
    assert await opens(second, key)
    (stored,) = await key_service.list()
    assert stored.last_used_at == noted


async def test_rotation_leaves_two_keys_for_a_while(
    key_service: ApiKeyService, door: Authenticator, time: Time
) -> None:
    old = await key_service.create(
        "shop", "acme", [Scope.DIAMONDS_READ], lifetime=timedelta(days=30), signature_v1=True
    )
    time.pass_by(86_400)
    new = await key_service.rotate(old.key.id, keep=timedelta(hours=1))
    assert (new.stored.client_id, new.stored.name, new.stored.scopes) == ("acme", "shop", ("diamonds:read",))
    assert (new.stored.expires_at, new.stored.signature_v1) == (time.now + timedelta(days=30), True)
    assert await opens(door, old.key.text)
    assert await opens(door, new.key.text)
    time.pass_by(3600)
    assert not await opens(door, old.key.text)
    assert await opens(door, new.key.text)


async def test_rotation_never_lengthens_the_old_keys_life(key_service: ApiKeyService, time: Time) -> None:
    old = await key_service.create("shop", "acme", [], lifetime=timedelta(hours=1))
    await key_service.rotate(old.key.id, keep=timedelta(hours=24))
    stored = {key.id: key for key in await key_service.list()}
    assert stored[old.key.id].expires_at == time.now + timedelta(hours=1)


async def test_a_dead_key_cant_be_rotated_and_an_unknown_one_neither_revoked(
    key_service: ApiKeyService, time: Time
) -> None:
    key = (await key_service.create("shop", "acme", [])).key
    await key_service.revoke(key.id)
    (revoked,) = await key_service.list()
    time.pass_by(60)
    await key_service.revoke(key.id)  # once more does no harm, and is not when it happened
    assert [stored.revoked_at for stored in await key_service.list()] == [revoked.revoked_at]
    with pytest.raises(Conflict):
        await key_service.rotate(key.id, keep=timedelta())
    with pytest.raises(NotFound):
        await key_service.rotate("nobody", keep=timedelta())
    with pytest.raises(NotFound):
        await key_service.revoke("nobody")


async def test_a_key_needs_a_name_and_a_client(key_service: ApiKeyService) -> None:
    with pytest.raises(ValidationFailed, match="name: is blank; client: is blank"):
        await key_service.create(" ", "", [])
