"""`/api/v2/triggers`: operator requests to the sync, which are validated and queued as jobs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.auth.scopes import Principal
from app.rest.request_body import read_body
from app.rest.responses import answer
from app.services import State
from inventory.core import jobs
from inventory.core.errors import NotFound
from inventory.core.jobs import Stage
from inventory.runs import repository, rules
from inventory.runs.jobs import SYNC_JOBS, SyncJob, run_of
from inventory.runs.models import Partition, RunFacts, RunType

_MAX_JOB_ID_LENGTH = 100


class ScheduleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Run to start. `feed`: the first one of the installation if omitted."""

    run_type: RunType
    feed: str | None = None


class ConsolidateRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Run to consolidate. `force`: despite failed partitions; no diamond is deleted then."""

    run_id: UUID
    force: bool = False


class RetryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Run whose failed partitions to retry, all or one."""

    run_id: UUID
    partition_id: UUID | None = None


class Queued(msgspec.Struct, frozen=True, omit_defaults=True):
    """A queued job. `GET /api/v2/triggers/jobs/{job_id}` shows its result.

    `run_id` is omitted if the run does not exist yet.
    """

    job_id: str
    status: str
    run_id: UUID | None = None


class QueuedAnswer(msgspec.Struct, frozen=True):
    """Response of a trigger."""

    data: Queued


class JobError(msgspec.Struct, frozen=True):
    """Error of a failed job: a stable code and a message."""

    code: str
    message: str


class JobFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job and its result.

    `run_id`: run of the job, omitted until it exists. `partitions`: number of partitions that a finished retry reads again.
    `error`: omitted unless the job has failed.
    """

    job_id: str
    job: SyncJob
    status: Stage
    run_id: UUID | None = None
    partitions: int | None = None
    error: JobError | None = None


class JobAnswer(msgspec.Struct, frozen=True):
    """Response of `jobs/{job_id}`."""

    data: JobFigures


class FailedWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A failed partition. `has_payload`: whether the data for a retry is stored."""

    partition_id: UUID
    worker_id: str | None
    error_message: str | None
    records_processed: int
    has_payload: bool
    started_at: datetime | None
    completed_at: datetime | None


class FailedWorkers(msgspec.Struct, frozen=True):
    """Failed partitions of a run."""

    run_id: UUID
    total_failed: int
    workers: Sequence[FailedWorker]


class FailedWorkersAnswer(msgspec.Struct, frozen=True):
    """Response of `failed-workers`."""

    data: FailedWorkers


async def start_run(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/triggers/scheduler`.

    Raises:
        NotFound: the installation has no such feed.
        Conflict: another run is open; `details` has its id.
    """
    body = await read_body(request, ScheduleRequest)
    settings = request.state["services"].settings
    if body.feed is not None and body.feed not in settings.by_feed:
        raise NotFound("There is no feed with this name.")
    async with request.state["services"].database.bounded() as connection:
        rules.check_start(await repository.open_run(connection, body.feed or settings.sync.feed))
    arguments: dict[str, Any] = {"full": body.run_type == "full", "started_by": principal.client_id}
    if body.feed is not None:  # omitted by default, so that jobs of an older version accept the request
        arguments["feed"] = body.feed
    return await _queue(request, "schedule_run", **arguments)


async def consolidate_run(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/triggers/consolidate`.

    Raises:
        NotFound: no run has this id.
        Conflict: see `rules.check_consolidation`.
    """
    body = await read_body(request, ConsolidateRequest)
    rules.check_consolidation(await _facts(request, body.run_id), force=body.force)
    return await _queue(
        request, "consolidate_run", run_id=body.run_id, force=body.force, who=principal.client_id, about=body.run_id
    )


async def retry_workers(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/triggers/retry-workers`.

    Raises:
        NotFound: no run has this id, or the run has no such partition.
        Conflict: see `rules.partitions_to_retry`.
    """
    body = await read_body(request, RetryRequest)
    rules.partitions_to_retry(await _facts(request, body.run_id), body.partition_id)
    return await _queue(
        request,
        "retry_run",
        run_id=body.run_id,
        partition_id=body.partition_id,
        who=principal.client_id,
        about=body.run_id,
    )


async def failed_workers(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/triggers/failed-workers/{run_id}`.

    Raises:
        NotFound: no run has this id.
    """
    facts = await _facts(request, path_id(request, "run_id"))
    workers = [_failed(partition) for partition in facts.partitions if partition.status == "failed"]
    return answer(FailedWorkersAnswer(FailedWorkers(facts.run.id, len(workers), workers)))


async def show_job(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/triggers/jobs/{job_id}`.

    Raises:
        NotFound: no sync job has this id. Results are kept for an hour.
        JobsUnavailable: Redis does not answer.
    """
    job_id = request.path_params["job_id"]
    state = await jobs.state(request.state["services"].jobs, job_id) if len(job_id) <= _MAX_JOB_ID_LENGTH else None
    if state is None or state.name not in SYNC_JOBS:
        raise NotFound("No sync job has this id. Jobs are kept for an hour after their end.")
    return answer(
        JobAnswer(
            JobFigures(
                job_id=state.id,
                job=SYNC_JOBS[state.name],
                status=state.stage,
                run_id=run_of(state),
                partitions=state.result if state.name == "retry_run" else None,
                error=JobError(state.failure.code, state.failure.message) if state.failure else None,
            )
        )
    )


def path_id(request: Request[State], name: str) -> UUID:
    """Return an id of the path.

    Raises:
        NotFound: the id is malformed.
    """
    try:
        return UUID(request.path_params[name])
    except ValueError:
        raise NotFound from None


async def _facts(request: Request[State], run_id: UUID) -> RunFacts:
    async with request.state["services"].database.bounded() as connection:
        return await repository.facts(connection, run_id)


async def _queue(request: Request[State], job: str, *, about: UUID | None = None, **arguments: Any) -> Response:
    job_id = await jobs.enqueue(request.state["services"].jobs, job, **arguments)
    return answer(QueuedAnswer(Queued(job_id, "queued", about)), 202)


def _failed(partition: Partition) -> FailedWorker:
    return FailedWorker(
        partition_id=partition.id,
        worker_id=partition.worker_id,
        error_message=partition.error_message,
        records_processed=partition.fetched,
        has_payload=True,  # the work item is built from the row of the partition
        started_at=partition.started_at,
        completed_at=partition.completed_at,
    )
