"""Conditional requests and compression: 304 for unchanged data, and no response across permissions."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app import main
from app.auth import authenticator
from app.auth.scopes import Scope
from app.http import compression
from app.rest import caching
from inventory.catalog.repository import PostgresSearch
from inventory.catalog.search import DiamondCriteria
from inventory.core import token_lease
from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.core.redis_scripts import RedisScript
from inventory.core.settings import Settings
from inventory.events import log
from inventory.events.data_version import DataVersion
from inventory.events.models import EventKind, NewEvent
from tests.integration.api.conftest import serve_api
from tests.integration.api.diamonds import Insert, MakeKey, build
from tests.integration.api.runs import build_run

SEARCH = "/api/v2/diamonds"
HOUR = timedelta(hours=1)
STONE = f"{SEARCH}/{build(1)['id']}"


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with Database.open(settings.database) as database:
        yield database


async def test_matching_etag_returns_304(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1)])
    first = await api.get(SEARCH)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert {"X-API-Key", "Authorization", "X-Client-Id", "Accept-Encoding"} <= {
        name.strip() for name in first.headers["vary"].split(",")
    }
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await api.get(SEARCH, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "ratelimit-remaining" in again.headers
        assert [again.headers[name] for name in ("cache-control", "vary")] == [
            first.headers[name] for name in ("cache-control", "vary")
        ]
        assert "content-length" not in again.headers
        assert "content-type" not in again.headers
    for unknown in ('"other"', "", tag.replace('"', "")):
        assert (await api.get(SEARCH, headers={"If-None-Match": unknown})).status_code == 200


async def etag_of(client: httpx.AsyncClient, path: str) -> str:
    response = await client.get(path)
    assert response.status_code == 200
    return response.headers["etag"]


async def returns_304(client: httpx.AsyncClient, path: str, tag: str) -> bool:
    """Whether a request with this ETag returns 304."""
    return (await client.get(path, headers={"If-None-Match": tag})).status_code == 304


@pytest.mark.parametrize("path", [SEARCH, STONE])
async def test_etag_changes_with_every_committed_event(
    api: httpx.AsyncClient, insert: Insert, database: Database, path: str
) -> None:
    await insert([build(1)])
    for kind in (EventKind.DIAMONDS_CHANGED, EventKind.DIAMONDS_REPRICED, EventKind.HOLD_ACTIVATED):
        tag = await etag_of(api, path)
        async with database.transaction() as connection:
            await connection.execute("UPDATE diamonds SET retail_price_cents = retail_price_cents + 1")
            await log.append(connection, NewEvent(kind, [build(1)["id"]]))
            assert await returns_304(api, path, tag)
        assert not await returns_304(api, path, tag)
        moved = await etag_of(api, path)
        async with database.connection() as connection:
            await log.number(connection)
        assert await returns_304(api, path, moved)


async def test_etag_changes_with_changes_without_event(
    api: httpx.AsyncClient, insert: Insert, database: Database
) -> None:
    await insert([build(1)])
    await insert([build_run(1, status="consolidating", completed_at=None)], table="run_metadata")
    for change in (
        # A first load is running, fails, restarts from the beginning, and reaches the previous count.
        "UPDATE run_metadata SET consolidated_through = 'a', upserted = 100",
        "UPDATE run_metadata SET status = 'failed', completed_at = clock_timestamp()",
        "UPDATE run_metadata SET status = 'consolidating', completed_at = NULL, consolidate_requested_at = clock_timestamp()",
        "UPDATE run_metadata SET consolidated_through = NULL, upserted = 0",
        "UPDATE run_metadata SET consolidated_through = 'a', upserted = 100",
        "UPDATE run_metadata SET status = 'failed', completed_at = clock_timestamp()",
    ):
        tag = await etag_of(api, SEARCH)
        assert await returns_304(api, SEARCH, tag)
        async with database.connection() as connection:
            await connection.execute(change)
        assert not await returns_304(api, SEARCH, tag), change


async def test_etag_changes_when_hold_expires_without_write(
    api: httpx.AsyncClient, insert: Insert, database: Database
) -> None:
    await insert([build(1)])
    ends = utc_now() + HOUR
    hold = {"diamond_id": build(1)["id"], "client_id": "acme", "state": "active", "price_cents": 1,
            "wanted_until": ends, "expires_at": ends}  # fmt: skip
    await insert([hold], table="hold_history")
    tag = await etag_of(api, STONE)
    assert await returns_304(api, STONE, tag)
    # An hour passes.
    async with database.connection() as connection:
        await connection.execute("UPDATE hold_history SET expires_at = expires_at - interval '1 hour'")
    assert not await returns_304(api, STONE, tag)


async def test_etag_of_one_state_is_never_reused_for_another(
    api: httpx.AsyncClient, insert: Insert, database: Database
) -> None:
    await insert([build(1)])
    await insert([build_run(1, status="failed", upserted=100, consolidated_through="a")], table="run_metadata")
    tags = set()
    for _ in range(3):
        tags.add(await etag_of(api, SEARCH))
        async with database.connection() as connection:
            await connection.execute("UPDATE run_metadata SET consolidate_requested_at = clock_timestamp()")
    assert len(tags) == 3


async def test_change_during_request_is_not_hidden_by_etag(
    api: httpx.AsyncClient, insert: Insert, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await insert([build(1)])
    plain = PostgresSearch.count

    async def change_after_count(self: PostgresSearch, criteria: DiamondCriteria) -> int:
        total = await plain(self, criteria)
        async with database.transaction() as connection:
            await connection.execute("UPDATE diamonds SET availability = 'sold'")
            await log.append(connection, NewEvent(EventKind.DIAMONDS_CHANGED, [build(1)["id"]]))
        return total

    monkeypatch.setattr(PostgresSearch, "count", change_after_count)
    tag = await etag_of(api, SEARCH)
    monkeypatch.undo()
    assert not await returns_304(api, SEARCH, tag)


async def test_conditional_request_costs_one_statement_and_no_search(
    api: httpx.AsyncClient, insert: Insert, statements: list[str]
) -> None:
    await insert([build(1)])
    for path in (f"{SEARCH}?color=E", STONE):
        tag = await etag_of(api, path)
        statements.clear()
        assert await returns_304(api, path, tag)
        assert ["FROM event_counter" in text for text in statements] == [True]
        assert not any("FROM diamonds" in text for text in statements)


async def test_repeated_response_is_cached_until_data_change(
    api: httpx.AsyncClient, insert: Insert, database: Database, statements: list[str]
) -> None:
    await insert([build(1)])
    for path in (SEARCH, STONE):
        first = await api.get(path)
        statements.clear()
        again = await api.get(path)
        assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
        assert again.headers["content-type"] == first.headers["content-type"]
        assert not any("FROM diamonds" in text for text in statements)
        async with database.transaction() as connection:
            await connection.execute("UPDATE diamonds SET retail_price_cents = retail_price_cents + 1")
            await log.append(connection, NewEvent(EventKind.DIAMONDS_REPRICED, [build(1)["id"]]))
        assert (await api.get(path)).content != first.content


async def test_etag_depends_on_request_and_build(
    api: httpx.AsyncClient, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    await insert([build(1), build(2)])
    tags = {await etag_of(api, path) for path in (SEARCH, f"{SEARCH}?page=2", f"{SEARCH}?limit=2", STONE)}
    assert len(tags) == 4
    tag = await etag_of(api, SEARCH)
    assert not await returns_304(api, f"{SEARCH}?color=E", tag)
    monkeypatch.setattr(caching, "fingerprint", lambda: "another build")
    assert not await returns_304(api, SEARCH, tag)


async def test_long_requests_have_etags(api: httpx.AsyncClient, insert: Insert) -> None:
    """The tags of long requests are computed each time, those of others are kept."""
    await insert([build(1)])
    paths = [f"{SEARCH}?carat_min=0.{'1' * digits}&unknown={'x' * size}" for digits in (2, 3) for size in (10, 2000)]
    tags = [await etag_of(api, path) for path in paths]
    assert len(set(tags)) == len(paths)
    for path, tag in zip(paths, tags, strict=True):
        assert await returns_304(api, path, tag)


async def test_head_returns_etag_of_get(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1)])
    tag = await etag_of(api, SEARCH)
    head = await api.head(SEARCH)
    assert (head.status_code, head.headers["etag"], head.content) == (200, tag, b"")
    assert (await api.head(SEARCH, headers={"If-None-Match": tag})).status_code == 304


async def test_invalid_request_is_rejected_with_matching_etag(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1)])
    tag = await etag_of(api, SEARCH)
    for known in (tag, "*"):
        assert (await api.get(f"{SEARCH}?limit=x", headers={"If-None-Match": known})).status_code == 400
        assert (await api.get(f"{SEARCH}/x", headers={"If-None-Match": known})).status_code == 404


async def test_etag_does_not_bypass_scope(
    api: httpx.AsyncClient, cost_client: httpx.AsyncClient, insert: Insert
) -> None:
    await insert([build(1)])
    assert not await returns_304(api, SEARCH, await etag_of(cost_client, SEARCH))
    by_cost = f"{SEARCH}?sort_by=supplier_price_cents"
    tag = await etag_of(cost_client, by_cost)
    assert (await api.get(by_cost, headers={"If-None-Match": tag})).status_code == 403


async def test_etag_of_run_figures_depends_on_their_content(operator: httpx.AsyncClient, insert: Insert) -> None:
    path = "/api/v2/analytics/runs"
    tag = await etag_of(operator, path)
    assert await returns_304(operator, path, tag)
    await insert([build_run(1)], table="run_metadata")
    assert not await returns_304(operator, path, tag)


async def test_callers_with_different_permissions_have_different_etags(
    api: httpx.AsyncClient, cost_client: httpx.AsyncClient, insert: Insert
) -> None:
    await insert([build(1)])
    assert (await api.get(SEARCH)).headers["etag"] != (await cost_client.get(SEARCH)).headers["etag"]


async def test_etag_does_not_authenticate(api: httpx.AsyncClient, address: str) -> None:
    tag = (await api.get(SEARCH)).headers["etag"]
    async with httpx.AsyncClient(base_url=address) as anonymous:
        assert (await anonymous.get(SEARCH, headers={"If-None-Match": tag})).status_code == 401
        assert (await anonymous.get(SEARCH, headers={"If-None-Match": "*"})).status_code == 401


@pytest.mark.parametrize("path", ["/health", "/ready", "/nope", f"{SEARCH}/x", f"{SEARCH}?limit=x"])
async def test_volatile_responses_are_not_cached(api: httpx.AsyncClient, path: str) -> None:
    response = await api.get(path)
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers


async def test_responses_are_compressed_on_request(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(number) for number in range(50)])
    plain = await api.get(SEARCH, headers={"Accept-Encoding": "identity"})
    packed = await api.get(SEARCH, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 5
    assert (packed.json(), packed.headers["etag"]) == (plain.json(), plain.headers["etag"])


async def test_repeated_response_is_compressed_once(
    api: httpx.AsyncClient, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    await insert([build(number) for number in range(50)])
    compressed: list[bytes] = []

    def counted(body: bytes) -> bytes:
        compressed.append(body)
        return plain(body)

    plain = compression.compressed
    monkeypatch.setattr(compression, "compressed", counted)
    answers = [await api.get(SEARCH, headers={"Accept-Encoding": "gzip"}) for _ in range(4)]
    assert compressed == [answers[0].content]
    assert {(one.content, one.headers["content-encoding"], one.headers["etag"]) for one in answers} == {
        (answers[0].content, "gzip", answers[0].headers["etag"])
    }
    assert len({one.headers["content-length"] for one in answers}) == 1
    assert all("Accept-Encoding" in one.headers["vary"] for one in answers)
    identity = await api.get(SEARCH, headers={"Accept-Encoding": "identity"})
    assert (identity.content, "content-encoding" in identity.headers) == (answers[0].content, False)


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True), ("GZIP;q=0.5", True), ("br, gzip;q=1.0, *;q=0", True), ("", False), ("identity", False),
        ("gzip;q=0", False), ("gzip; q=0.000, identity", False), ("br", False), ("xgzip", False),
    ],
)  # fmt: skip
async def test_responses_are_not_compressed_without_request(
    api: httpx.AsyncClient, insert: Insert, accepted: str, packed: bool
) -> None:
    await insert([build(number) for number in range(10)])
    answer = await api.get(SEARCH, headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
    assert "Accept-Encoding" in answer.headers["vary"]
    assert len(answer.json()["data"]) == 10


async def test_repeated_requests_cost_no_statement_and_no_script_while_version_and_lease_are_valid(
    settings: Settings,
    insert: Insert,
    make_key: MakeKey,
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await insert([build(1)])
    # All of them are valid for the whole test.
    monkeypatch.setattr(authenticator, "CACHE_SECONDS", 3600)
    monkeypatch.setattr(token_lease, "_LEASE_SECONDS", 3600)
    monkeypatch.setattr(main, "DataVersion", lambda database, **_: DataVersion(database, max_age_seconds=3600))
    scripts: list[object] = []
    run = RedisScript.run

    async def counted(self: RedisScript, *arguments: Any) -> Any:
        scripts.append(arguments)
        return await run(self, *arguments)

    headers = {"X-API-Key": await make_key(Scope.DIAMONDS_READ)}
    generous = settings.with_values(rate_limit_reads_per_minute=60_000)
    async with serve_api(generous) as address, httpx.AsyncClient(base_url=address, headers=headers) as client:
        for path in (f"{SEARCH}?color=E", STONE):
            tag = await etag_of(client, path)  # and the next ones take a lease
            for _ in range(5):
                assert await etag_of(client, path) == tag
            monkeypatch.setattr(RedisScript, "run", counted)
            statements.clear()
            scripts.clear()
            assert await returns_304(client, path, tag)
            assert await etag_of(client, path) == tag
            assert (statements, scripts) == ([], [])
