"""Upgrade and downgrade on the newest Postgres, and on the oldest supported one where it is installed."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.exc import DBAPIError

from inventory.core.migrate import LockTimeouts, downgrade, upgrade
from sandbox.stack.postgres import Postgres
from sandbox.stack.scratch import scratch_directory

_OLDEST = Path("/usr/lib/postgresql/15/bin")
_NINE_TABLES = {
    "api_keys", "raw_diamonds_nivoda", "diamonds", "pricing_rules", "run_metadata", "worker_runs", "hold_history",
    "purchase_history", "schema_migrations",
}  # fmt: skip


@pytest_asyncio.fixture(
    params=[
        pytest.param(None, id="newest"),
        pytest.param(
            _OLDEST,
            id="oldest",
            marks=pytest.mark.skipif(not _OLDEST.is_dir(), reason="Postgres 15 is not installed here"),
        ),
    ]
)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Postgres]:
    with scratch_directory() as directory:
        server = Postgres(directory, durable=False, bindir=request.param)
        await server.start()
        yield server
        await server.stop()


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'inventory'")
    await connection.close()
    return {row["tablename"] for row in rows}


async def test_every_migration_upgrades_and_downgrades(server: Postgres) -> None:
    url = await server.create_database("migrations")
    await upgrade(url)
    assert await tables(url) >= _NINE_TABLES
    await upgrade(url)
    await downgrade(url, "base")
    assert await tables(url) == {"schema_migrations"}
    await upgrade(url)
    assert await tables(url) >= _NINE_TABLES


async def test_migrations_create_nothing_outside_schema(server: Postgres) -> None:
    url = await server.create_database("schema")
    await upgrade(url)
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()


async def test_hidden_certificates_are_migrated(server: Postgres) -> None:
    url = await server.create_database("hidden")
    await upgrade(url, "0013")
    connection = await asyncpg.connect(url, server_settings={"search_path": "inventory"})
    columns = await connection.fetch(
        "SELECT attname, format_type(atttypid, NULL) AS kind FROM pg_attribute "
        "WHERE attrelid = 'diamonds'::regclass AND attnum > 0 AND attnotnull"
    )
    plain = {"text": "'available'", "boolean": "false", "bytea": "''", "uuid": "gen_random_uuid()", "json": "'{}'",
             "timestamp with time zone": "now()"}  # fmt: skip
    values = {row["attname"]: plain.get(row["kind"], "1") for row in columns} | {"status": "'active'"}
    shown = ["{}", '{"showCertificateNumber":true}', '{"showCertificateNumber":false}', '{"showMeasurements":false}']
    for number, attributes in enumerate(shown):
        row = values | {"supplier_stone_id": f"'{number}'", "attributes": f"'{attributes}'"}
        await connection.execute(f"INSERT INTO diamonds ({', '.join(row)}) VALUES ({', '.join(row.values())})")  # noqa: S608
    await upgrade(url, "0014")
    flags = "SELECT certificate_hidden, measurements_hidden FROM diamonds ORDER BY supplier_stone_id"
    assert [tuple(row) for row in await connection.fetch(flags)] == [
        (False, False), (False, False), (True, False), (False, True),
    ]  # fmt: skip
    await connection.close()


async def test_raw_rows_of_every_feed_name_survive(server: Postgres) -> None:
    url = await server.create_database("feeds")
    await upgrade(url, "0032")
    connection = await asyncpg.connect(url, server_settings={"search_path": "inventory"})
    raw = """INSERT INTO raw_diamonds_nivoda (feed, supplier_stone_id, payload, payload_hash, observed_at, run_id, problem)
             VALUES ($1, $2, '{}', '', now(), gen_random_uuid(), 'price: is missing')"""
    for feed, stone in (("nivoda", "a"), ("main", "b"), ("it's", "c")):
        await connection.execute(raw, feed, stone)
    stored = await connection.fetchval("SELECT pg_relation_filenode('raw_diamonds_nivoda')")
    await upgrade(url)
    assert await connection.fetchval("SELECT pg_relation_filenode('raw_diamonds_nivoda')") == stored  # not rewritten
    rows = "SELECT tableoid::regclass::text, feed, supplier_stone_id FROM raw_diamonds ORDER BY 3"
    assert [tuple(row) for row in await connection.fetch(rows)] == [
        ("raw_diamonds_nivoda", "nivoda", "a"),
        ("raw_diamonds_nivoda", "main", "b"),
        ("raw_diamonds_nivoda", "it's", "c"),
    ]
    assert await connection.fetchval("SELECT create_raw_partition('acme')") is None
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(raw.replace("raw_diamonds_nivoda", "raw_diamonds_acme"), "nivoda", "a")
    await downgrade(url, "0032")
    assert await connection.fetchval("SELECT count(*) FROM raw_diamonds_nivoda") == 3
    await connection.close()


async def test_diamonds_of_other_feed_name_keep_ids_and_prices(server: Postgres) -> None:
    url = await server.create_database("renamed")
    await upgrade(url, "0032")
    connection = await asyncpg.connect(url, server_settings={"search_path": "inventory"})
    await connection.execute("""
        INSERT INTO raw_diamonds_nivoda (feed, supplier_stone_id, payload, payload_hash, observed_at, run_id, problem)
        VALUES ('main', 's', '{}', '', now(), gen_random_uuid(), 'price: is missing')""")
    await connection.execute(
        "INSERT INTO pricing_rules (name, priority, supplier, markup_ratio) VALUES ('r', 1, 'nivoda', 2)"
    )
    before = await connection.fetchval("""
        INSERT INTO diamonds (id, supplier, supplier_stone_id, shape, carat_milli, lab_grown, supplier_price_cents,
            price_per_carat_cents, availability, measurements, attributes, retail_price_cents, markup_ratio, status,
            source_hash, source_updated_at, created_at, updated_at)
        VALUES (gen_random_uuid(), 'nivoda', 's', 'ROUND', 1000, false, 1, 1, 'available', '{}', '{}', 1, 1, 'active',
            '', now(), now(), now()) RETURNING id""")
    await upgrade(url)
    assert tuple(await connection.fetchrow("SELECT id, supplier FROM diamonds") or ()) == (before, "main")
    assert await connection.fetchval("SELECT supplier FROM pricing_rules") == "main"
    await connection.close()


async def test_concurrent_migrators_take_turns(server: Postgres) -> None:
    url = await server.create_database("turns")
    environment = {"PATH": os.defpath, "DATABASE_URL": url}
    migrators = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "app", "migrate", env=environment) for _ in range(2)
    ]
    assert await asyncio.gather(*(migrator.wait() for migrator in migrators)) == [0, 0]
    assert await tables(url) >= _NINE_TABLES


async def test_locked_table_is_retried_with_short_lock_timeouts(server: Postgres) -> None:
    url = await server.create_database("held")
    await upgrade(url, "0003")
    holder = await asyncpg.connect(url)
    async with holder.transaction():
        await holder.execute("SELECT FROM inventory.pricing_rules")
        with pytest.raises(DBAPIError, match="lock timeout"):
            await upgrade(url, "0004", patience=LockTimeouts(lock_seconds=0.1, tries=2, pause_seconds=0.1))
        waiting = asyncio.create_task(upgrade(url, "0004", patience=LockTimeouts(0.1, tries=600, pause_seconds=0.1)))
        # Other sessions are not blocked while the migration waits between its attempts.
        reader = await asyncpg.connect(url)
        for _ in range(5):
            await reader.execute("SELECT FROM inventory.pricing_rules", timeout=5)
            await asyncio.sleep(0.1)
        assert not waiting.done()
    await waiting
    await reader.execute("SELECT request_hash FROM inventory.pricing_rules")
    await reader.close()
    await holder.close()


async def test_migrations_ignore_statement_timeout_of_database(server: Postgres) -> None:
    url = await server.create_database("timeout")
    await upgrade(url, "0003")
    other = await asyncpg.connect(url)
    await other.execute("ALTER DATABASE timeout SET statement_timeout = '300ms'")
    transaction = other.transaction()
    await transaction.start()
    await other.execute("SELECT FROM inventory.pricing_rules")
    migrating = asyncio.create_task(upgrade(url, "0004", patience=LockTimeouts(tries=1)))
    await asyncio.sleep(1)  # longer than the timeout: the migration waits for the table
    await transaction.rollback()
    await migrating
    await other.close()


async def test_index_is_built_concurrently_and_replaces_invalid_one(server: Postgres) -> None:
    url = await server.create_database("indexed")
    await upgrade(url, "0002")
    writer = await asyncpg.connect(url)
    await writer.execute("CREATE INDEX diamonds_certificate ON inventory.diamonds (id)")
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute("DELETE FROM inventory.diamonds")
    building = asyncio.create_task(upgrade(url, "0003", patience=LockTimeouts(lock_seconds=0.1, tries=1)))
    await asyncio.sleep(0.5)  # longer than the lock timeout, which does not apply to an index
    await writer.execute("DELETE FROM inventory.diamonds")
    assert not building.done()
    await transaction.commit()
    await building
    definition = await writer.fetchval(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indisvalid AND indexrelid = 'inventory.diamonds_certificate'::regclass"
    )
    assert "(certificate_number, certificate_lab)" in definition
    await writer.close()
