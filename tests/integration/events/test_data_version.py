"""Data version shared by requests: read after each request for it, or recently and after the last change."""

import asyncio
from collections.abc import Callable

import pytest

from inventory.core.database import Database
from inventory.core.errors import DatabaseUnavailable
from inventory.core.settings import Settings
from inventory.events import data_version as module
from inventory.events.data_version import DataVersion
from inventory.events.dispatcher import EventDispatcher
from inventory.events.log import append, data_version
from tests.integration.events.conftest import make_event


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


class CountedReads:
    """Replaces the statement by numbered versions. `during`: called while one is read."""

    def __init__(self) -> None:
        self.number = 0
        self.during: Callable[[], None] | None = None

    async def read(self, _connection: object) -> str:
        self.number += 1
        if self.during:
            self.during()
        return f"version {self.number}"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> CountedReads:
    counted = CountedReads()
    monkeypatch.setattr(module, "data_version", counted.read)
    return counted


async def test_recent_version_is_read_again_when_it_is_too_old(database: Database, reads: CountedReads) -> None:
    now = 100.0
    shared = DataVersion(database, max_age_seconds=0.5, monotonic=lambda: now)
    assert await shared.recent() == "version 1"
    now += 0.4
    assert await shared.recent() == "version 1"
    assert await shared.current() == "version 2"
    now += 0.4
    assert await shared.recent() == "version 2"
    now += 0.1
    assert await shared.recent() == "version 3"
    assert reads.number == 3


async def test_recent_version_is_read_again_after_expiry(database: Database, reads: CountedReads) -> None:
    shared = DataVersion(database, max_age_seconds=60)
    assert await shared.recent() == await shared.recent() == "version 1"
    shared.expire()
    assert await shared.recent() == await shared.recent() == "version 2"
    assert reads.number == 2


async def test_version_whose_read_an_expiry_overtakes_is_not_kept(database: Database, reads: CountedReads) -> None:
    shared = DataVersion(database, max_age_seconds=60)
    reads.during = shared.expire
    assert await shared.recent() == "version 1"
    reads.during = None
    assert await shared.recent() == await shared.recent() == "version 2"


@pytest.mark.usefixtures("reads")
async def test_without_maximum_age_each_request_reads(database: Database) -> None:
    shared = DataVersion(database, monotonic=lambda: 100.0)
    assert [await shared.recent() for _ in range(2)] == ["version 1", "version 2"]


async def test_notification_of_event_expires_recent_version(settings: Settings, database: Database) -> None:
    notified = asyncio.Event()
    shared = DataVersion(database, max_age_seconds=3600)

    def expire() -> None:
        shared.expire()
        notified.set()

    following = asyncio.create_task(EventDispatcher(settings.database, database, expire).run())
    try:
        async with asyncio.timeout(30):
            await notified.wait()  # the listener is connected
            before = await shared.recent()
            notified.clear()
            async with database.transaction() as connection:
                await append(connection, make_event(1))
            await notified.wait()
        assert await shared.recent() != before
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
