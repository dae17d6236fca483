"""The supplier as every process of the pipeline reaches it: through one Redis budget of calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from inventory.core.settings import Settings
from inventory.suppliers.limiter import RedisRateLimiter
from inventory.suppliers.nivoda.feed import open_feed
from inventory.suppliers.nivoda.trading import open_limited_trading
from inventory.suppliers.ports import Feed, SupplierTrading


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


@asynccontextmanager
async def open_settling(settings: Settings) -> AsyncIterator[SupplierTrading | None]:
    """What the jobs settle trades with, for the length of a `with`.

    Raises:
        SettingsError: as `open_limited_feed`.
    """
    async with (
        Redis.from_url(settings.need("redis_url")) as redis,
        open_limited_trading(settings, redis) as trading,
    ):
        yield trading
