"""A database with random diamonds, and the search index on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import pytest_asyncio

from inventory.catalog.index.search_index import SearchIndex
from inventory.core.database import Database
from inventory.core.settings import Settings


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings.read(database_url=database_url, redis_url=redis_url)


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with Database.open(settings.database) as database:
        yield database


@asynccontextmanager
async def running_index(index: SearchIndex) -> AsyncIterator[None]:
    """Run the index in the background."""
    task = asyncio.create_task(index.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
