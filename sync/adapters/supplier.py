"""The supplier's feed as every process of the pipeline reads it: through one Redis budget of calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from app.core.settings import Settings
from app.suppliers.limiter import RedisRateLimiter
from app.suppliers.nivoda.feed import open_feed
from app.suppliers.ports import Feed


@asynccontextmanager
async def open_limited_feed(settings: Settings) -> AsyncIterator[Feed]:
    """The feed for the length of a `with`.

    Raises:
        SettingsError: the supplier's endpoint, its credentials or Redis are not set.
    """
    async with (
        Redis.from_url(settings.need("redis_url")) as redis,
        open_feed(settings, RedisRateLimiter.of(settings, redis)) as feed,
    ):
        yield feed
