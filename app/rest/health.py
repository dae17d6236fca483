"""Liveness (`/health`) and readiness (`/ready`)."""

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

_UNCACHED = {"Cache-Control": "no-store"}
_OK, _UNREACHABLE = "ok", "does not answer"


class Health(msgspec.Struct, frozen=True):
    """Liveness of the process."""

    status: str
    timestamp: datetime


class Ready(msgspec.Struct, frozen=True):
    """Readiness of the process: `ready`, or `degraded` if only reads are served.

    `checks` holds `ok` or the problem of each server.
    """

    status: Literal["ready", "degraded"]
    checks: Mapping[str, str]


async def health(_request: Request[State]) -> Response:
    """Answer 200 while the process runs, without a check of other servers: a restart would not repair them."""
    return answer(Health("ok", utc_now()), headers=_UNCACHED)


async def ready(request: Request[State]) -> Response:
    """Answer 200 if the database answers and its schema is current, otherwise 503 with the problems in `details`.

    Without Redis the answer is 200 and `degraded`: reads continue, which 503 for all processes would end.
    """
    database, redis = await asyncio.gather(_database(request), _redis(request))
    checks = {"database": database, "redis": redis}
    if database != _OK:
        missing = {name: description for name, description in checks.items() if description != _OK}
        raise Unavailable("The service is not ready. `details` names the problem of each server.", details=missing)
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
        return _UNREACHABLE
    return _OK


async def _redis(request: Request[State]) -> str:
    try:
        async with asyncio.timeout(2):
            return await redis_server.problem(request.state["services"].redis) or _OK
    except (RedisError, OSError, TimeoutError):
        return _UNREACHABLE
