"""`/api/v2/triggers`: requests of operators to the sync. A request that the rules allow is queued as a job."""

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

_LONGEST_JOB_ID = 100


class ScheduleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which run to start."""

    run_type: RunType


class ConsolidateRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which run to consolidate. `force`: in spite of failed partitions; nothing is deleted then."""

    run_id: UUID
    force: bool = False


class RetryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which run's failed partitions to read again: all, or one."""

    run_id: UUID
    partition_id: UUID | None = None


class Queued(msgspec.Struct, frozen=True, omit_defaults=True):
    """A job that was queued; `GET /api/v2/triggers/jobs/{job_id}` shows its result.

    `run_id` is left out where the run does not exist yet.
    """

    job_id: str
    status: str
    run_id: UUID | None = None


class QueuedAnswer(msgspec.Struct, frozen=True):
    """The answer of a trigger."""

    data: Queued


class JobError(msgspec.Struct, frozen=True):
    """Why a job failed: a stable code, and what happened."""

    code: str
    message: str


class JobFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job and its result.

    `run_id`: the run that it concerns, left out until there is one. `partitions`: how many a finished retry reads again.
    `error`: left out unless the job has failed.
    """

    job_id: str
    job: SyncJob
    status: Stage
    run_id: UUID | None = None
    partitions: int | None = None
    error: JobError | None = None


class JobAnswer(msgspec.Struct, frozen=True):
    """The answer of `jobs/{job_id}`."""

    data: JobFigures


class FailedWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A partition that failed. `has_payload`: whether what is needed to read it again is stored."""

    partition_id: UUID
    worker_id: str | None
    error_message: str | None
    records_processed: int
    has_payload: bool
    started_at: datetime | None
    completed_at: datetime | None


class FailedWorkers(msgspec.Struct, frozen=True):
    """A run's partitions that failed."""

    run_id: UUID
    total_failed: int
    workers: Sequence[FailedWorker]


class FailedWorkersAnswer(msgspec.Struct, frozen=True):
    """The answer of `failed-workers`."""

    data: FailedWorkers


async def start_run(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/triggers/scheduler`.

    Raises:
        Conflict: a run is open; `details` names it.
    """
    asked = await read_body(request, ScheduleRequest)
    async with request.state["services"].database.bounded() as connection:
        rules.check_start(await repository.open_run(connection, request.state["services"].settings.sync_feed))
    return await _queue(request, "schedule_run", full=asked.run_type == "full", started_by=principal.client_id)


async def consolidate_run(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/triggers/consolidate`.

    Raises:
        NotFound: there is no such run.
        Conflict: as `rules.check_consolidation`.
    """
    asked = await read_body(request, ConsolidateRequest)
    rules.check_consolidation(await _facts(request, asked.run_id), force=asked.force)
    return await _queue(
        request, "consolidate_run", run_id=asked.run_id, force=asked.force, who=principal.client_id, about=asked.run_id
    )


async def retry_workers(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/triggers/retry-workers`.

    Raises:
        NotFound: there is no such run, or no such partition in it.
        Conflict: as `rules.partitions_to_retry`.
    """
    asked = await read_body(request, RetryRequest)
    rules.partitions_to_retry(await _facts(request, asked.run_id), asked.partition_id)
    return await _queue(
        request,
        "retry_run",
        run_id=asked.run_id,
        partition_id=asked.partition_id,
        who=principal.client_id,
        about=asked.run_id,
    )


async def failed_workers(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/triggers/failed-workers/{run_id}`.

    Raises:
        NotFound: there is no such run.
    """
    facts = await _facts(request, path_id(request, "run_id"))
    workers = [_failed(partition) for partition in facts.partitions if partition.status == "failed"]
    return answer(FailedWorkersAnswer(FailedWorkers(facts.run.id, len(workers), workers)))


async def show_job(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/triggers/jobs/{job_id}`.

    Raises:
        NotFound: no such job of the sync is known; one is remembered for an hour after its end.
        JobsUnavailable: Redis does not answer.
    """
    job_id = request.path_params["job_id"]
    state = await jobs.state(request.state["services"].jobs, job_id) if len(job_id) <= _LONGEST_JOB_ID else None
    if state is None or state.name not in SYNC_JOBS:
        raise NotFound("No job of the sync is known under this id. A job is remembered for an hour after its end.")
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
    """An id in the path.

    Raises:
        NotFound: it is no id, so nothing is under it.
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
        has_payload=True,  # the partition's own row is all that its work item is made of
        started_at=partition.started_at,
        completed_at=partition.completed_at,
    )
