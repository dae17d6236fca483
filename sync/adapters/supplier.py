"""The supplier's feed as every process of the pipeline reads it: through one Redis budget of calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from app.core.settings import Settings
from app.suppliers.nivoda.feed import open_feed
from app.suppliers.ports import Feed
from sync.adapters.limiter import RedisRateLimiter


@asynccontextmanager
async def open_limited_feed(settings: Settings) -> AsyncIterator[Feed]:
    """The feed for the length of a `with`.

    Raises:
        SettingsError: the supplier's endpoint, its credentials or Redis are not set.
    """
    async with Redis.from_url(settings.need("redis_url")) as redis:
        limiter = RedisRateLimiter(
            redis,
            f"diamond-inventory:{settings.sync_feed}:calls",
            settings.nivoda_requests_per_second,
            settings.nivoda_burst,
        )
        async with open_feed(settings, limiter) as feed:
            yield feed
