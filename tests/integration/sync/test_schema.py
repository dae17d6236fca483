"""Schema check: no role works on a schema that is older than its code."""

import asyncio

import pytest
from structlog.testing import capture_logs

from inventory.core.database import Database
from inventory.core.errors import SchemaBehind
from inventory.core.migrate import upgrade
from inventory.core.revision import NEEDED, require
from inventory.core.settings import Settings
from sync import process


async def outdated_wait(database: Database, stop: asyncio.Event) -> asyncio.Task[None]:
    """Start waiting for the schema. Returns when the schema was found outdated."""
    with capture_logs() as logs:
        waiting = asyncio.create_task(process.wait_for_schema(database, stop))
        async with asyncio.timeout(30):
            while not logs:  # noqa: ASYNC110 - a log entry sets no event
                await asyncio.sleep(0.01)
    assert logs[0]["event"] == "schema_outdated"
    return waiting


async def test_role_waits_for_migration(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_SCHEMA_SECONDS", 0.05)
    await upgrade(empty_database_url, "0001")
    async with Database.open(Settings.read(database_url=empty_database_url).database) as database:
        waiting = await outdated_wait(database, asyncio.Event())
        assert not waiting.done()
        await upgrade(empty_database_url)
        async with asyncio.timeout(30):
            await waiting


async def test_waiting_role_stops_on_request(empty_database_url: str) -> None:
    stop = asyncio.Event()
    async with Database.open(Settings.read(database_url=empty_database_url).database) as database:
        waiting = await outdated_wait(database, stop)
        assert not waiting.done()
        stop.set()
        async with asyncio.timeout(30):
            await waiting


async def test_unavailable_database_does_not_prevent_start() -> None:
    settings = Settings.read(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    async with Database.open(settings.database) as database, asyncio.timeout(10):
        await process.wait_for_schema(database, asyncio.Event())


async def test_log_names_current_and_required_revision(empty_database_url: str) -> None:
    async with Database.open(Settings.read(database_url=empty_database_url).database) as database:
        with pytest.raises(SchemaBehind) as nothing:
            await require(database)
        await upgrade(empty_database_url, "0002")
        with pytest.raises(SchemaBehind) as behind:
            await require(database)
    assert nothing.value.details == {"present": None, "needed": NEEDED}
    assert behind.value.details == {"present": "0002", "needed": NEEDED}
