"""Whether the process lives, and whether it can work."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

import msgspec
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from app.core.clock import utc_now
from app.core.errors import DatabaseUnavailable, Unavailable
from app.rest.answers import answer
from app.rest.state import State

# It is about this moment.
_UNCACHED = {"Cache-Control": "no-store"}


class Health(msgspec.Struct, frozen=True):
    """The process lives."""

    status: str
    timestamp: datetime


class Ready(msgspec.Struct, frozen=True):
    """Every server that is needed answers."""

    status: str
    checks: Mapping[str, str]


async def health(_request: Request[State]) -> Response:
    """200 while the process lives. Asks nobody else: a restart would not bring them back."""
    return answer(Health("ok", utc_now()), headers=_UNCACHED)


async def ready(request: Request[State]) -> Response:
    """200 when the database and Redis answer; otherwise 503, `details` naming what is missing."""
    database, redis = await asyncio.gather(_database(request), _redis(request))
    parts = {"database": database, "redis": redis}
    missing = {name: "does not answer" for name, answers in parts.items() if not answers}
    if missing:
        raise Unavailable("Not ready: a server does not answer.", details=missing)
    return answer(Ready("ready", dict.fromkeys(parts, "ok")), headers=_UNCACHED)


async def _database(request: Request[State]) -> bool:
    try:
        await request.state["database"].ping()
    except DatabaseUnavailable:
        return False
    return True


async def _redis(request: Request[State]) -> bool:
    try:
        async with asyncio.timeout(2):
            await request.state["redis"].ping()
    except (RedisError, OSError, TimeoutError):
        return False
    return True
