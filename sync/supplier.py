"""Supplier clients of the pipeline. All processes share one rate limit in Redis."""

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
    """Open the rate-limited feed until the `with` ends.

    Raises:
        SettingsError: the supplier's endpoint, its credentials or Redis are not set.
    """
    async with (
        Redis.from_url(settings.redis.need("url")) as redis,
        open_feed(settings.nivoda, RedisRateLimiter.of(settings.nivoda, settings.sync.feed, redis)) as feed,
    ):
        yield feed


@asynccontextmanager
async def open_settlement(settings: Settings) -> AsyncIterator[SupplierTrading | None]:
    """Open the trading client of the settlement jobs until the `with` ends.

    Raises:
        SettingsError: as `open_limited_feed`.
    """
    async with (
        Redis.from_url(settings.redis.need("url")) as redis,
        open_limited_trading(settings, redis) as trading,
    ):
        yield trading
