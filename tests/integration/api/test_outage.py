"""Outages of servers: 503 during the outage, recovery without intervention."""

import httpx
import pytest

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from app.graphql.relay import global_id
from inventory.catalog import statements
from inventory.core.database import Database
from inventory.core.migrate import upgrade
from inventory.core.settings import Settings
from inventory.events import cursors
from inventory.events.cursors import Cursor
from sandbox.stack.postgres import Postgres
from sandbox.stack.scratch import scratch_directory
from tests.integration.api.diamonds import Serve
from tests.integration.api.websocket import CHANGED, append_event, open_socket, stone

pytestmark = pytest.mark.faults

DOCUMENT = {"query": "{ diamonds { totalCount } }"}


async def test_postgres_outage_returns_503_and_recovers(redis_url: str, serve: Serve) -> None:
    with scratch_directory() as directory:
        postgres = Postgres(directory, durable=False)
        await postgres.start()
        url = await postgres.create_database("diamonds")
        await upgrade(url)
        # Otherwise a repeated request is answered for a moment after the loss of the database.
        settings = Settings.read(
            database_url=url, redis_url=redis_url, environment="production", data_version_seconds=0
        )
        async with Database.open(settings.database) as database:
            key = (await ApiKeyService(database).create("shop", "acme", [Scope.DIAMONDS_READ])).key.text
        async with (
            serve(settings) as address,
            httpx.AsyncClient(base_url=address, headers={"X-API-Key": key}) as client,
        ):
            assert (await client.get("/api/v2/diamonds")).status_code == 200
            await postgres.stop()
            for response in (
                await client.get("/ready"),
                await client.get("/api/v2/diamonds"),
                await client.post("/graphql", json=DOCUMENT),
            ):
                assert response.status_code == 503
                assert int(response.headers["retry-after"]) > 0
                assert "SERVICE_UNAVAILABLE" in response.text
            assert (await client.get("/ready")).json()["error"]["details"] == {"database": "does not answer"}
            assert (await client.get("/health")).status_code == 200
            await postgres.start()
            assert (await client.get("/ready")).status_code == 200
            assert (await client.get("/api/v2/diamonds")).status_code == 200
            assert (await client.post("/graphql", json=DOCUMENT)).json()["data"] == {"diamonds": {"totalCount": 0}}
        await postgres.stop()


async def test_slow_statement_times_out(
    database_url: str, redis_url: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.read(
        database_url=database_url, redis_url=redis_url, environment="production", database_timeout_seconds=0.5
    )
    async with Database.open(settings.database) as database:
        key = (await ApiKeyService(database).create("shop", "acme", [Scope.DIAMONDS_READ])).key.text
    monkeypatch.setattr(statements, "count", lambda _criteria: statements.Statement("SELECT pg_sleep(60) AS count", []))
    async with serve(settings) as address, httpx.AsyncClient(base_url=address, headers={"X-API-Key": key}) as client:
        assert (await client.get("/api/v2/diamonds")).status_code == 503


async def test_subscribers_wait_for_postgres_and_miss_nothing(redis_url: str, serve: Serve) -> None:
    with scratch_directory() as directory:
        postgres = Postgres(directory, durable=False)
        await postgres.start()
        url = await postgres.create_database("diamonds")
        await upgrade(url)
        settings = Settings.read(database_url=url, redis_url=redis_url, environment="production")
        async with Database.open(settings.database) as database:
            key = (await ApiKeyService(database).create("shop", "acme", [Scope.DIAMONDS_READ])).key.text
            async with serve(settings) as address, open_socket(address, key) as socket:
                await socket.subscribe(CHANGED, after=cursors.encode(Cursor(0, 0)))
                for number in range(3):
                    await append_event(database, number)
                    assert (await socket.event())["diamondIds"] == [global_id("Diamond", stone(number))]
                    await postgres.stop()
                    await socket.ping()
                    await postgres.start()
        await postgres.stop()
