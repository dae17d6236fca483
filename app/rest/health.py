"""Whether the process lives, and whether it can work."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from app.rest.responses import answer
from app.services import State
from inventory.core import redis_server, revision
from inventory.core.clock import utc_now
from inventory.core.errors import DatabaseMisconfigured, DatabaseUnavailable, SchemaBehind, Unavailable

# It is about this moment.
_UNCACHED = {"Cache-Control": "no-store"}
_OK, _SILENT = "ok", "does not answer"


class Health(msgspec.Struct, frozen=True):
    """The process lives."""

    status: str
    timestamp: datetime


class Ready(msgspec.Struct, frozen=True):
    """Whether work can be done here: `ready`, or `degraded` where reads are answered and little else.

    `checks` says of each server `ok` or what is wrong with it.
    """

    status: Literal["ready", "degraded"]
    checks: Mapping[str, str]


async def health(_request: Request[State]) -> Response:
    """200 while the process lives. It asks no other server: a restart would not repair one."""
    return answer(Health("ok", utc_now()), headers=_UNCACHED)


async def ready(request: Request[State]) -> Response:
    """200 when the database answers and its schema is as new as this code; otherwise 503, `details` naming what is missing.

    Without Redis it is 200 and `degraded`: reads go on, and taking every process out of rotation would end them too.
    """
    database, redis = await asyncio.gather(_database(request), _redis(request))
    checks = {"database": database, "redis": redis}
    if database != _OK:
        missing = {name: description for name, description in checks.items() if description != _OK}
        raise Unavailable("Not ready: a server does not answer as it should.", details=missing)
    return answer(Ready("ready" if redis == _OK else "degraded", checks), headers=_UNCACHED)


async def _database(request: Request[State]) -> str:
    database = request.state["services"].database
    try:
        await database.ping()
        await revision.require(database)
    except SchemaBehind as error:
        return f"is at {error.details['present']}, but this version needs {error.details['needed']}"
    except DatabaseMisconfigured as error:
        return error.reason
    except DatabaseUnavailable:
        return _SILENT
    return _OK


async def _redis(request: Request[State]) -> str:
    try:
        async with asyncio.timeout(2):
            return await redis_server.problem(request.state["services"].redis) or _OK
    except (RedisError, OSError, TimeoutError):
        return _SILENT
