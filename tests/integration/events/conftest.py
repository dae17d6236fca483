"""A migrated database, and its event log."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest
import pytest_asyncio

from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.events import log
from inventory.events.log import EventFilter
from inventory.events.models import Event, EventKind, NewEvent


def stone(number: int) -> UUID:
    """The id of the stone with this number."""
    return UUID(int=number)


def make_event(*numbers: int, kind: EventKind = EventKind.HOLD_ACTIVATED, client_id: str = "acme") -> NewEvent:
    """An event of the stones with these numbers."""
    return NewEvent(kind, [stone(number) for number in numbers], client_id=client_id, data={"reason": "a test"})


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings.read(database_url=database_url)


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with Database.open(settings.database) as opened:
        yield opened


class EventLogDriver:
    """Writes and reads the log as the application does."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def append(self, *events: NewEvent) -> None:
        """Append each event in a separate transaction."""
        for event in events:
            async with self.database.transaction() as connection:
                await log.append(connection, event)

    async def number(self) -> None:
        async with self.database.connection() as connection:
            await log.number(connection)

    async def read(self, after: int = 0, limit: int = 1000, wanted: EventFilter | None = None) -> Sequence[Event]:
        async with self.database.connection() as connection:
            return (await log.read(connection, after, limit, wanted or EventFilter())).events

    async def value(self, statement: str, *values: object) -> object:
        async with self.database.connection() as connection:
            return await connection.fetchval(statement, *values)


@pytest.fixture
def event_log(database: Database) -> EventLogDriver:
    return EventLogDriver(database)
