"""Data version shared by concurrent requests: a version is read after each request for it, by few statements."""

import asyncio

import pytest

from inventory.core.database import Database
from inventory.core.errors import DatabaseUnavailable
from inventory.core.settings import Settings
from inventory.events import data_version as module
from inventory.events.data_version import DataVersion
from inventory.events.log import data_version


async def test_version_is_data_version(database: Database) -> None:
    async with database.connection() as connection:
        assert await DataVersion(database).current() == await data_version(connection)


async def test_concurrent_requests_share_statements(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    async def counted(connection: object) -> str:
        await asyncio.sleep(0)
        reads.append(f"version {len(reads)}")
        return reads[-1]

    monkeypatch.setattr(module, "data_version", counted)
    shared = DataVersion(database)
    found = await asyncio.gather(*(shared.current() for _ in range(10)))
    # The first read began before the others arrived, so it does not answer them; the second one does.
    assert found == ["version 0"] + ["version 1"] * 9
    assert await shared.current() == "version 2"


async def test_cancelled_reader_leaves_others_their_answer(database: Database) -> None:
    shared = DataVersion(database)
    first = asyncio.create_task(shared.current())
    others = [asyncio.create_task(shared.current()) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    assert len(set(await asyncio.gather(*others))) == 1


async def test_outage_fails_all_waiting_requests() -> None:
    settings = Settings.read(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    async with Database.open(settings.database) as database:
        shared = DataVersion(database)
        found = await asyncio.gather(*(shared.current() for _ in range(10)), return_exceptions=True)
    assert all(isinstance(one, DatabaseUnavailable) for one in found)
