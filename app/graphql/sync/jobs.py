"""Jobs: work that a mutation starts and the pipeline does, so that it goes on when the caller has gone."""

from collections.abc import Mapping
from enum import Enum
from uuid import UUID

import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.sync.types import SyncRun, find_runs
from inventory.core import jobs
from inventory.core.jobs import JobState
from inventory.runs.jobs import run_of

_value = strawberry.enum_value


@strawberry.enum(description="What a job does.")
class JobKind(Enum):
    INVENTORY_REPRICE = _value("reprice", description="Gives every stone the price of the present rules.")
    SYNC_START = _value("schedule_run", description="Plans a run and starts it.")
    SYNC_RETRY = _value("retry_run", description="Has a run's failed partitions read again.")
    SYNC_CONSOLIDATE = _value("consolidate_run", description="Has a run consolidated once more.")
    SYNC_CANCEL = _value("cancel_run", description="Ends a run.")


@strawberry.enum(description="How far a job is.")
class JobStatus(Enum):
    QUEUED = _value("queued", description="It waits, or waits to be tried again.")
    RUNNING = _value("running", description="It is being done.")
    DONE = _value("done", description="It is done.")
    FAILED = _value("failed", description="It failed; `error` says why.")


@strawberry.type(description="How far a job is, counted in stones.")
class JobProgress:
    done: int = strawberry.field(description="Stones that are done.")
    total: int = strawberry.field(description="Stones in all.")


@strawberry.type(description="Why a job failed.")
class JobError:
    code: str = strawberry.field(description="A stable code, as in the errors of GraphQL.")
    message: str = strawberry.field(description="What happened, in words.")


@strawberry.type(description="Work that goes on in the background. It is remembered for an hour after its end.")
class Job:
    id: strawberry.ID = strawberry.field(description="The job's id, for the query `job`.")
    kind: JobKind = strawberry.field(description="What it does.")
    status: JobStatus = strawberry.field(description="How far it is.")
    progress: JobProgress | None = strawberry.field(
        description="How far it is in stones; null where that says nothing."
    )
    changed: int | None = strawberry.field(
        description="What it changed: prices, or partitions that are read again. Null until it is done, and for others."
    )
    error: JobError | None = strawberry.field(description="Why it failed; null unless it did.")
    run: SyncRun | None = strawberry.field(description="The run that it is about; null until there is one.")


_KINDS = frozenset(str(kind.value) for kind in JobKind)
_COUNTING = frozenset({"reprice", "retry_run"})


async def find_job(job_id: str, info: Info) -> Job | None:
    """A job, if anyone still knows it.

    Raises:
        Forbidden: the caller may not see what it is about.
    """
    info.context.caller  # noqa: B018 - rejects an unauthenticated caller before the lookup
    state = await jobs.state(info.context.services.jobs, job_id[:100])
    if state is None or state.name not in _KINDS:
        return None
    info.context.require(Scope.PRICING_WRITE if state.name == "reprice" else Scope.SYNC_READ)
    run_id = run_of(state)
    runs: Mapping[UUID, SyncRun] = {}
    if run_id and "run" in info.selection:
        runs = await find_runs([run_id], info, info.selection.below("run"))
    return job_to_graphql(state, runs.get(run_id) if run_id else None)


def job_to_graphql(state: JobState, run: SyncRun | None) -> Job:
    """A job as the schema shows it."""
    progress = state.progress
    return Job(
        id=strawberry.ID(state.id),
        kind=JobKind(state.name),
        status=JobStatus(state.stage),
        progress=JobProgress(done=progress.done, total=progress.total) if progress else None,
        changed=state.result if state.name in _COUNTING else None,
        error=JobError(code=state.failure.code, message=state.failure.message) if state.failure else None,
        run=run,
    )
