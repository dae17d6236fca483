"""Startup checks of the API: database and Redis configuration.

A server that does not answer does not prevent the start.
"""

import asyncio
from contextlib import aclosing, suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from inventory.core import redis_server
from inventory.core.database import Database
from inventory.core.errors import DatabaseMisconfigured, DatabaseUnavailable
from inventory.core.settings import Settings

_SECONDS = 2.0


async def check(settings: Settings) -> None:
    """Check the database and Redis. A problem of Redis is only logged, because reads work without it.

    Raises:
        DatabaseMisconfigured: the database answers, but its configuration does not allow any request.
    """
    await asyncio.gather(_database(settings), _redis(settings))


async def _database(settings: Settings) -> None:
    async with Database.open(settings.database) as database:
        try:
            await database.ping()
        except DatabaseMisconfigured:
            raise
        except DatabaseUnavailable:
            return


async def _redis(settings: Settings) -> None:
    redis = Redis.from_url(settings.redis.need("url"), socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS)
    async with aclosing(redis):
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(_SECONDS):
                await redis_server.report(redis)
