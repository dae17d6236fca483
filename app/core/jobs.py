"""The queue of background jobs: what the API enqueues by name and the pipeline's jobs carry out.

Jobs are written as MessagePack, not pickled: whoever can write to Redis must not be able to run code with it.
"""

from typing import Any

import msgspec
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from app.core.errors import Unavailable
from app.core.settings import Settings

QUEUE = "diamond-inventory:jobs"

_TIMEOUT_SECONDS = 5.0


class JobsUnavailable(Unavailable):
    """The queue of jobs does not answer; try again soon."""


def _plain(value: object) -> str:
    """What MessagePack has no type for: ids, and the error of a job that failed."""
    return repr(value) if isinstance(value, BaseException) else str(value)


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)


def connect(settings: Settings) -> ArqRedis:
    """The queue of jobs in the settings' Redis. Connects on first use; close it with `aclose`.

    Raises:
        SettingsError: Redis is not set.
    """
    pool = ConnectionPool.from_url(
        settings.need("redis_url"), socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
    )
    redis = ArqRedis(
        pool, job_serializer=_encoder.encode, job_deserializer=msgspec.msgpack.decode, default_queue_name=QUEUE
    )
    redis.auto_close_connection_pool = True
    return redis


async def enqueue(redis: ArqRedis, name: str, **arguments: Any) -> str:
    """Have a job done by name; answers its id.

    Raises:
        JobsUnavailable: it may not have been enqueued.
    """
    try:
        job = await redis.enqueue_job(name, **arguments)
    except (RedisError, OSError, TimeoutError) as error:
        raise JobsUnavailable from error
    if job is None:  # only ids that the caller chooses can be taken
        raise JobsUnavailable
    return job.job_id
