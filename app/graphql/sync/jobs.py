"""GraphQL types of background jobs that mutations start."""

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


@strawberry.enum(description="Kind of a job.")
class JobKind(Enum):
    INVENTORY_REPRICE = _value("reprice", description="Applies the current pricing rules to all diamonds.")
    SYNC_START = _value("schedule_run", description="Plans and starts a run.")
    SYNC_RETRY = _value("retry_run", description="Reads failed partitions of a run again.")
    SYNC_CONSOLIDATE = _value("consolidate_run", description="Consolidates a run again.")
    DEAD_LETTERS_REPLAY = _value("replay_dead_letters", description="Sends dead letters to their queue again.")
    DEAD_LETTERS_DISCARD = _value("discard_dead_letters", description="Discards dead letters.")
    SYNC_CANCEL = _value("cancel_run", description="Cancels a run.")


@strawberry.enum(description="Status of a job.")
class JobStatus(Enum):
    QUEUED = _value("queued", description="Waiting, or waiting for a retry.")
    RUNNING = _value("running", description="Running.")
    DONE = _value("done", description="Done.")
    FAILED = _value("failed", description="Failed; see `error`.")


@strawberry.type(description="Progress of a job in diamonds.")
class JobProgress:
    done: int = strawberry.field(description="Processed diamonds.")
    total: int = strawberry.field(description="Total number of diamonds.")


@strawberry.type(description="Error of a job.")
class JobError:
    code: str = strawberry.field(description="Stable code, as in GraphQL errors.")
    message: str = strawberry.field(description="Message.")


@strawberry.type(description="Background job. Its record exists for one hour after its end.")
class Job:
    id: strawberry.ID = strawberry.field(description="Id for the query `job`.")
    kind: JobKind = strawberry.field(description="Kind.")
    status: JobStatus = strawberry.field(description="State.")
    progress: JobProgress | None = strawberry.field(description="Progress in diamonds; null if not applicable.")
    changed: int | None = strawberry.field(
        description="Number of changed prices, of partitions that are read again, or of messages. Null before the end and for other "
        "kinds."
    )
    error: JobError | None = strawberry.field(description="Error; null unless it failed.")
    run: SyncRun | None = strawberry.field(description="The run of the job; null before it exists.")


_KINDS = frozenset(str(kind.value) for kind in JobKind)
_COUNTING = frozenset({"reprice", "retry_run", "replay_dead_letters", "discard_dead_letters"})


async def find_job(job_id: str, info: Info) -> Job | None:
    """Find a job; None if its record was deleted.

    Raises:
        Forbidden: the caller lacks the scope of the kind.
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
    """Convert a job."""
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
