"""Job queue: the API enqueues a background job by name, and the jobs role executes it.

Jobs are encoded as MessagePack instead of pickle, so that write access to Redis does not permit code execution.
"""

import asyncio
import hashlib
from time import monotonic
from typing import Any, Literal

import msgspec
from arq.connections import ArqRedis
from arq.jobs import DeserializationError, Job, JobResult, JobStatus
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from inventory.core.errors import Conflict, InventoryError, Unavailable
from inventory.core.settings.redis import RedisSettings

QUEUE = "diamond-inventory:jobs"

_TIMEOUT_SECONDS = 5.0
_POLL_SECONDS = 0.1
_PROGRESS = "diamond-inventory:job-progress:"
# Equal to arq's retention of results.
_PROGRESS_TTL_SECONDS = 3600

Stage = Literal["queued", "running", "done", "failed"]


class JobsUnavailable(Unavailable):
    """The job queue does not answer. Try again soon."""


class JobProgress(msgspec.Struct, frozen=True):
    """Progress of a job: `done` of `total` items."""

    done: int
    total: int


class JobFailure(msgspec.Struct, frozen=True):
    """Reason of a failed job: code and message of an `InventoryError`."""

    code: str
    message: str


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """State of a job, retained for an hour after its end. `result`: None until the job is done."""

    id: str
    name: str
    arguments: dict[str, Any]
    stage: Stage
    result: Any = None
    failure: JobFailure | None = None
    progress: JobProgress | None = None

    @property
    def over(self) -> bool:
        """Whether the job has ended."""
        return self.stage in {"done", "failed"}


def _to_plain(value: object) -> object:
    """Convert values without a MessagePack type: ids, and the error of a failed job."""
    if isinstance(value, InventoryError):
        return {"code": value.code, "message": value.message}
    return repr(value) if isinstance(value, BaseException) else str(value)


_encoder = msgspec.msgpack.Encoder(enc_hook=_to_plain)


def connect(settings: RedisSettings) -> ArqRedis:
    """Create the client of the job queue. It connects on first use; close it with `aclose`.

    Raises:
        SettingsError: REDIS_URL is not set.
    """
    pool = ConnectionPool.from_url(
        settings.need("url"), socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
    )
    redis = ArqRedis(
        pool, job_serializer=_encoder.encode, job_deserializer=msgspec.msgpack.decode, default_queue_name=QUEUE
    )
    redis.auto_close_connection_pool = True
    return redis


async def enqueue(redis: ArqRedis, name: str, *, key: str | None = None, **arguments: Any) -> str:
    """Enqueue a job by name and return its id. Requests with an equal idempotency `key` share a job for an hour.

    Raises:
        Conflict: the key was used with other arguments.
        JobsUnavailable: Redis does not answer. The job may not be enqueued.
    """
    key_id = hashlib.sha256(f"{name}\n{key}".encode()).hexdigest()[:32] if key is not None else None
    try:
        job = await redis.enqueue_job(name, _job_id=key_id, **arguments)
    except (RedisError, OSError, TimeoutError) as error:
        raise JobsUnavailable from error
    if job is not None:
        return job.job_id
    known = await state(redis, key_id) if key_id else None
    if key_id is None or known is None:  # its result expired between the two calls
        raise JobsUnavailable
    if (known.name, known.arguments) != (name, arguments):
        raise Conflict("The idempotency key was used with other arguments.")
    return key_id


async def state(redis: ArqRedis, job_id: str) -> JobState | None:
    """Read the state of a job. Returns None for an unknown job, or one that ended more than an hour ago.

    Raises:
        JobsUnavailable: Redis does not answer.
    """
    job = Job(job_id, redis, _queue_name=QUEUE, _deserializer=redis.job_deserializer)
    try:
        # The job may end between the two reads, so its result is read again.
        info = await job.info() or await job.result_info()
        status = await job.status()
        progress = await redis.get(_PROGRESS + job_id)
    except (RedisError, OSError, TimeoutError) as error:
        raise JobsUnavailable from error
    except DeserializationError:
        return None  # written by another program
    if info is None:
        return None
    known = JobState(
        id=job_id,
        name=info.function,
        arguments=dict(info.kwargs),
        stage="running" if status is JobStatus.in_progress else "queued",
        progress=msgspec.msgpack.decode(progress, type=JobProgress) if progress else None,
    )
    if not isinstance(info, JobResult):
        return known
    if info.success:
        return msgspec.structs.replace(known, stage="done", result=info.result)
    return msgspec.structs.replace(known, stage="failed", failure=_failure(info.result))


async def wait(redis: ArqRedis, job_id: str, seconds: float) -> JobState | None:
    """Return the state of a job when it has ended, or after `seconds`.

    Raises:
        JobsUnavailable: Redis does not answer.
    """
    end = monotonic() + seconds
    while True:
        known = await state(redis, job_id)
        if known is None or known.over or monotonic() >= end:
            return known
        await asyncio.sleep(_POLL_SECONDS)


async def store_progress(redis: ArqRedis, job_id: str, progress: JobProgress) -> None:
    """Store the progress of a job for `state`.

    Raises:
        JobsUnavailable: Redis does not answer.
    """
    try:
        await redis.set(_PROGRESS + job_id, _encoder.encode(progress), ex=_PROGRESS_TTL_SECONDS)
    except (RedisError, OSError, TimeoutError) as error:
        raise JobsUnavailable from error


def _failure(result: object) -> JobFailure:
    try:
        return msgspec.convert(result, JobFailure)
    except msgspec.ValidationError:
        # The text of an unexpected error is not for clients. The log contains it.
        return JobFailure(InventoryError.code, "The job failed. The log of the jobs role contains the reason.")
