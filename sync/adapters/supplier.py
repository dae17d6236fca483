"""The supplier's feed as every process of the pipeline reads it: through one Redis budget of calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from app.core.settings import Settings
from app.suppliers.nivoda.client import NivodaClient
from app.suppliers.nivoda.feed import NivodaFeed
from app.suppliers.ports import Feed
from sync.adapters.limiter import RedisRateLimiter


@asynccontextmanager
async def open_feed(settings: Settings) -> AsyncIterator[Feed]:
    """The feed for the length of a `with`.

    Raises:
        SettingsError: the supplier's endpoint, its credentials or Redis are not set.
    """
    raise NotImplementedError
    yield
