"""`/api/v2/triggers`: what a person may ask of the sync. The pipeline does it; here it is only put in its queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.access.scopes import Principal
from app.core import jobs
from app.core.errors import Conflict, NotFound
from app.rest.answers import answer
from app.rest.bodies import read_body
from app.rest.state import State
from app.runs import repository
from app.runs.models import Partition, Run, RunType

_ENDED_BADLY = ("partial", "failed")
_TO_BE_READ_AGAIN = ("failed", "cancelled")


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
    """A job that will be done soon. `run_id` is left out where the run does not exist yet."""

    job_id: str
    status: str
    run_id: UUID | None = None


class QueuedAnswer(msgspec.Struct, frozen=True):
    """The answer of a trigger."""

    data: Queued


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
        Conflict: a run is open; `details` says which.
    """
    asked = await read_body(request, ScheduleRequest)
    async with request.state["database"].bounded() as connection:
        present = await repository.open_run(connection, request.state["settings"].sync_feed)
    if present:
        raise Conflict("A run is open; one at a time.", details={"run_id": present.id, "status": present.status})
    return await _queue(request, "schedule_run", full=asked.run_type == "full", started_by=principal.client_id)


async def consolidate_run(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/triggers/consolidate`.

    Raises:
        NotFound: there is no such run.
        Conflict: it can't be consolidated as it is.
    """
    asked = await read_body(request, ConsolidateRequest)
    run, partitions = await _run(request, asked.run_id)
    if run.status in ("planning", "running", "completed"):
        raise Conflict(f"The run is {run.status}.", details={"status": run.status})
    gaps = sum(partition.status != "succeeded" for partition in partitions)
    if gaps and not asked.force:
        raise Conflict(f"{gaps} of {len(partitions)} partitions have not succeeded.", details={"failed": gaps})
    return await _queue(
        request, "consolidate_run", run_id=run.id, force=asked.force, who=principal.client_id, about=run.id
    )


async def retry_workers(request: Request[State], principal: Principal) -> Response:
    """`POST /api/v2/triggers/retry-workers`.

    Raises:
        NotFound: there is no such run, or no such partition in it.
        Conflict: nothing of it has failed.
    """
    asked = await read_body(request, RetryRequest)
    run, partitions = await _run(request, asked.run_id)
    if run.status not in _ENDED_BADLY:
        raise Conflict(f"The run is {run.status}.", details={"status": run.status})
    chosen = [partition for partition in partitions if asked.partition_id in (None, partition.id)]
    if asked.partition_id and not chosen:
        raise NotFound(f"The run has no partition {asked.partition_id}.")
    if not any(partition.status in _TO_BE_READ_AGAIN for partition in chosen):
        raise Conflict("No partition has failed.")
    return await _queue(
        request, "retry_run", run_id=run.id, partition_id=asked.partition_id, who=principal.client_id, about=run.id
    )


async def failed_workers(request: Request[State], _principal: Principal) -> Response:
    """`GET /api/v2/triggers/failed-workers/{run_id}`.

    Raises:
        NotFound: there is no such run.
    """
    run, partitions = await _run(request, path_id(request, "run_id"))
    workers = [_failed(partition) for partition in partitions if partition.status == "failed"]
    return answer(FailedWorkersAnswer(FailedWorkers(run.id, len(workers), workers)))


def path_id(request: Request[State], name: str) -> UUID:
    """An id in the path.

    Raises:
        NotFound: it is no id, so nothing is under it.
    """
    try:
        return UUID(request.path_params[name])
    except ValueError:
        raise NotFound from None


async def _run(request: Request[State], run_id: UUID) -> tuple[Run, Sequence[Partition]]:
    async with request.state["database"].bounded() as connection:
        return await repository.run(connection, run_id), await repository.partitions(connection, run_id)


async def _queue(request: Request[State], job: str, *, about: UUID | None = None, **arguments: Any) -> Response:
    job_id = await jobs.enqueue(request.state["jobs"], job, **arguments)
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
