"""Database access through PgBouncer in transaction mode, with a user whose name differs from the schema's."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import pytest_asyncio

from app import startup
from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from app.main import create_app
from inventory.core.database import Database
from inventory.core.errors import DatabaseMisconfigured, DatabaseUnavailable
from inventory.core.settings import Settings
from inventory.runs import repository
from sandbox.broker import Broker, QueueSettings
from sandbox.stack.scratch import scratch_directory
from sync.container import Container
from sync.messaging.outbox import Outbox
from sync.messaging.servicebus import ServiceBusBroker
from sync.runs.lifecycle import Lifecycle
from sync.scheduler.planning import RunRequest
from sync.watermark.file import FileWatermarkStore
from tests.contract.relay import Relay
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.sync.conftest import role_environment
from tests.integration.sync.operators import with_state
from tests.pgbouncer import SERVER_CONNECTIONS, USER, PgBouncer, grant

MANY = 10 * SERVER_CONNECTIONS
CREATE_RULE = """mutation {
  pricingRuleCreate(input: {idempotencyKey: "key", rule: {name: "all", priority: 5, markupRatio: 1.5}}) {
    pricingRule { id } userErrors { message }
  }
}"""


@pytest_asyncio.fixture
async def pooler(database_url: str) -> AsyncIterator[PgBouncer]:
    password = secrets.token_urlsafe(12)
    await grant(database_url, password)
    with scratch_directory() as directory:
        server = PgBouncer(directory, database_url, password=password)
        await server.start()
        yield server
        await server.stop()


@pytest.fixture
def settings(pooler: PgBouncer, database_url: str, redis_url: str) -> Settings:
    return Settings.read(
        database_url=pooler.url,
        database_direct_url=database_url,
        database_pooler="transaction",
        database_pool_size=MANY,
        redis_url=redis_url,
        environment="production",
        sync_nightly=False,
    )


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with Database.open(settings.database) as opened:
        yield opened


async def test_every_statement_finds_schema_on_any_server_connection(database: Database) -> None:
    async def use(number: int) -> int:
        backends = set()
        async with database.connection() as connection:
            for _ in range(3):
                found = await connection.fetchrow(
                    "SELECT current_schema() AS schema, current_setting('TimeZone') AS zone, current_user AS name, "
                    "pg_backend_pid() AS backend, count(*) AS runs FROM run_metadata WHERE id IS NOT NULL AND $1::int > -1",
                    number,
                )
                assert found is not None
                assert (found["schema"], found["zone"], found["name"], found["runs"]) == ("inventory", "UTC", USER, 0)
                backends.add(found["backend"])
        return len(backends)

    async with asyncio.TaskGroup() as group:
        uses = [group.create_task(use(number)) for number in range(MANY)]
    assert max(use.result() for use in uses) > 1, "server connections are shared, or this shows nothing"


async def test_each_way_to_run_statement_finds_schema(database: Database) -> None:
    insert = "INSERT INTO alerts (incident, kind, feed, content) VALUES ($1, 'run_failed', 'x', $2)"
    async with database.connection() as connection:
        await connection.execute(insert, "one", {"json": True})
        await connection.executemany(insert, [("two", {}), ("three", {})])
        await connection.execute("UPDATE alerts SET feed = 'y' WHERE incident = 'one'; SELECT 1")
        assert await connection.fetchval("SELECT content FROM alerts WHERE incident = $1", "one") == {"json": True}
        assert [row["incident"] for row in await connection.fetch("SELECT incident FROM alerts ORDER BY 1")] == [
            "one",
            "three",
            "two",
        ]
        row = await connection.fetchrow("SELECT feed FROM alerts WHERE incident = 'one'")
        assert row is not None
        assert row["feed"] == "y"


async def test_failed_statement_is_rolled_back_with_its_transaction_only(
    database: Database,
) -> None:
    insert = "INSERT INTO alerts (incident, kind, feed, content) VALUES ($1, 'run_failed', 'x', '{}')"
    async with database.connection() as connection:
        await connection.execute(insert, "kept")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(insert, "kept")
        await connection.execute(insert, "kept as well")
    with pytest.raises(asyncpg.UniqueViolationError):
        await insert_all(database, insert, "undone", "kept")
    async with database.transaction() as connection:
        await connection.execute(insert, "outer")
        with pytest.raises(asyncpg.UniqueViolationError):
            async with connection.transaction():
                await connection.execute(insert, "kept")
        await connection.execute(insert, "after the savepoint")
    async with database.connection() as connection:
        kept = [row["incident"] for row in await connection.fetch("SELECT incident FROM alerts ORDER BY 1")]
    assert kept == ["after the savepoint", "kept", "kept as well", "outer"]


async def insert_all(database: Database, insert: str, *incidents: str) -> None:
    """Insert in one transaction."""
    async with database.transaction() as connection:
        for incident in incidents:
            await connection.execute(insert, incident)


async def test_api_responds(settings: Settings, database: Database) -> None:
    scopes = [Scope.DIAMONDS_READ, Scope.SYNC_READ, Scope.SYNC_ADMIN, Scope.PRICING_WRITE]
    key = (await ApiKeyService(database).create("shop", "acme", scopes)).key.text
    app = create_app(settings)
    async with app.router.lifespan_context(app) as state:
        transport = httpx.ASGITransport(with_state(app, state))
        async with httpx.AsyncClient(transport=transport, base_url="http://api", headers={"X-API-Key": key}) as client:
            assert (await client.get("/ready")).json() == {
                "status": "ready",
                "checks": {"database": "ok", "redis": "ok"},
            }
            answers = await asyncio.gather(
                client.get("/api/v2/diamonds"),
                client.get("/api/v2/analytics/summary"),
                client.get("/api/v2/analytics/runs"),
                client.post("/graphql", json={"query": "{ diamonds { totalCount } syncRuns { nodes { id } } }"}),
                client.post("/graphql", json={"query": CREATE_RULE}),
            )
    assert [answer.status_code for answer in answers] == [200] * 5, [answer.text for answer in answers]
    assert all("errors" not in answer.json() for answer in answers), [answer.text for answer in answers]


async def test_complete_sync(settings: Settings, database: Database, tmp_path: Path) -> None:
    queues = settings.service_bus.queues
    feed = FakeFeed()
    feed.put(*range(120))
    async with Broker(dict.fromkeys(queues, QueueSettings())) as bus:
        through = settings.with_values(azure_service_bus_connection_string=bus.connection_string)
        async with ServiceBusBroker.open(through.service_bus) as broker:
            outbox = Outbox(through.service_bus, broker, Lifecycle(database, through.sync.lease_seconds))
            watermarks = FileWatermarkStore(tmp_path, through.sync.feed)
            pipeline = Container(through, database, feed, broker, watermarks, outbox, broker.dead_letters())
            stop = asyncio.Event()
            roles = [asyncio.create_task(role(stop)) for role in (pipeline.work, pipeline.consolidate)]
            run, _ = await pipeline.scheduler().schedule(RunRequest(full=True))
            async with asyncio.timeout(60):
                while run.is_open:
                    await asyncio.sleep(0.1)
                    async with database.connection() as connection:
                        run = await repository.run(connection, run.id)
            stop.set()
            await asyncio.gather(*roles)
    assert (run.status, run.distinct_stones, run.upserted) == ("completed", 120, 120)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM diamonds WHERE status = 'active'") == 120


async def test_missing_pooler_setting_is_configuration_error(settings: Settings) -> None:
    plain = settings.with_values(database_pooler="none")
    async with Database.open(plain.database) as database:
        with pytest.raises(DatabaseMisconfigured) as caught:
            await database.ping()
    assert "unsupported startup parameter: search_path" in caught.value.reason
    assert "DATABASE_POOLER=transaction" in caught.value.reason
    app = create_app(plain)
    async with app.router.lifespan_context(app) as state:
        transport = httpx.ASGITransport(with_state(app, state))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            answer = await client.get("/ready")
    assert answer.status_code == 503
    assert "DATABASE_POOLER=transaction" in answer.json()["error"]["details"]["database"]


async def test_role_does_not_start_and_names_setting(settings: Settings, tmp_path: Path) -> None:
    plain = settings.with_values(
        database_pooler="none",
        azure_service_bus_connection_string=(
            "Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=x;SharedAccessKey=x;UseDevelopmentEmulator=true;"
        ),
        watermark_directory=str(tmp_path),
    )
    with pytest.raises(DatabaseMisconfigured):
        await startup.check(plain)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sync", "consolidator", env=role_environment(plain), stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 2, errors.decode()
    assert b"DATABASE_POOLER=transaction" in errors.splitlines()[-1]


async def test_unavailable_postgres_behind_pooler_is_outage(database_url: str) -> None:
    await grant(database_url, "secret")
    with scratch_directory() as directory:
        async with Relay.open(urlsplit(database_url).port or 0) as relay:
            behind = database_url.replace(f":{urlsplit(database_url).port}/", f":{relay.port}/")
            pooler = PgBouncer(directory, behind, password="secret")
            await pooler.start()
            settings = Settings.read(database_url=pooler.url, database_pooler="transaction")
        # The relay is closed, and with it the connection to Postgres.
        async with Database.open(settings.database) as database:
            for _ in range(2):
                with pytest.raises(DatabaseUnavailable) as caught:
                    await database.ping()
                assert not isinstance(caught.value, DatabaseMisconfigured)
        await pooler.stop()
