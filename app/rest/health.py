"""Whether the process lives, and whether it can work."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

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
_OK, _SILENT = "ok", "does not answer"


class Health(msgspec.Struct, frozen=True):
    """The process lives."""

    status: str
    timestamp: datetime


class Ready(msgspec.Struct, frozen=True):
    """Whether work can be done here: `ready`, or `degraded` where reads are answered and little else.

    `checks` says of each server `ok` or `does not answer`.
    """

    status: Literal["ready", "degraded"]
    checks: Mapping[str, str]


async def health(_request: Request[State]) -> Response:
    """200 while the process lives. Asks nobody else: a restart would not bring them back."""
    return answer(Health("ok", utc_now()), headers=_UNCACHED)


async def ready(request: Request[State]) -> Response:
    """200 when the database answers; otherwise 503, `details` naming what is missing.

    Without Redis it is 200 and `degraded`: reads go on, and taking every process out of rotation would end them too.
    """
    database, redis = await asyncio.gather(_database(request), _redis(request))
    checks = {name: _OK if answers else _SILENT for name, answers in (("database", database), ("redis", redis))}
    if not database:
        missing = {name: says for name, says in checks.items() if says != _OK}
        raise Unavailable("Not ready: a server does not answer.", details=missing)
    return answer(Ready("ready" if redis else "degraded", checks), headers=_UNCACHED)


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
