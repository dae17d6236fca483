"""Mutations that start, retry, consolidate and cancel sync runs. The job worker executes them."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from uuid import UUID

import strawberry

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.relay import key_of
from app.graphql.sync.dead_letters import DeadLetterMutations
from app.graphql.sync.incidents import IncidentMutations
from app.graphql.sync.inputs import SyncCancelInput, SyncConsolidateInput, SyncRetryInput, SyncStartInput
from app.graphql.sync.jobs import job_to_graphql
from app.graphql.sync.payloads import (
    ERROR_TYPES,
    SyncCancelPayload,
    SyncConsolidatePayload,
    SyncRetryPayload,
    SyncStartPayload,
)
from app.graphql.sync.types import SyncRun, find_runs, runs_to_graphql
from app.graphql.user_errors import attempt, read_key, refusals, typed_errors, user_errors
from inventory.core import jobs
from inventory.core.errors import Conflict, InventoryError, NotFound, ValidationFailed
from inventory.core.jobs import JobState, JobsUnavailable
from inventory.runs import rules
from inventory.runs.jobs import run_of
from inventory.runs.models import RunFacts

_argument = strawberry.argument

# A mutation waits this long for its job, so that most responses contain the outcome. The job continues regardless.
_WAIT_SECONDS = 5.0
_RUN_ID, _PARTITION_ID, _FEED = ("input", "runId"), ("input", "partitionId"), ("input", "feed")

P = TypeVar("P", SyncStartPayload, SyncRetryPayload, SyncConsolidatePayload, SyncCancelPayload)


@strawberry.type
class SyncMutations(DeadLetterMutations, IncidentMutations):
    """Fields of `Mutation` for the sync."""

    @field(description="Starts a run.", scope=Scope.SYNC_ADMIN)
    async def sync_start(
        self,
        info: Info,
        input: Annotated[SyncStartInput, _argument(description="The run.")],  # noqa: A002 - GraphQL convention
    ) -> SyncStartPayload | None:
        client_id = info.context.caller.client_id
        try:
            key = read_key(input.idempotency_key)
        except ValidationFailed as error:
            return _rejected(SyncStartPayload, error)
        arguments = {
            "full": input.full,
            "moves_watermark": input.moves_watermark,
            "started_by": f"api:{client_id}",
        }
        feed = given_or_none(input.feed)
        if feed is not None:  # omitted otherwise, so that jobs of an older version accept the request
            if feed not in info.context.services.settings.by_feed:
                return _rejected(SyncStartPayload, NotFound("There is no feed with this name."), _FEED)
            arguments["feed"] = feed
        return await _enqueue(SyncStartPayload, info, "schedule_run", arguments, key=f"{client_id}\n{key}")

    @field(
        description="Reads the failed partitions of the newest run again, from their beginning. While they are being read, "
        "repeating it changes nothing.",
        scope=Scope.SYNC_ADMIN,
    )
    async def sync_retry(
        self,
        info: Info,
        input: Annotated[SyncRetryInput, _argument(description="The partitions.")],  # noqa: A002 - GraphQL convention
    ) -> SyncRetryPayload | None:
        chosen = given_or_none(input.partition_id)
        try:
            partition = None if chosen is None else UUID(chosen)
        except ValueError:
            return _rejected(SyncRetryPayload, NotFound("There is no partition with this id."), _PARTITION_ID)

        def check(facts: RunFacts) -> None:
            rules.partitions_to_retry(facts, partition)

        arguments = {"partition_id": str(partition) if partition else None}
        return await _enqueue_for_run(SyncRetryPayload, info, "retry_run", input.run_id, check, arguments)

    @field(description="Consolidates the newest run again. A consolidated run stays unchanged.", scope=Scope.SYNC_ADMIN)
    async def sync_consolidate(
        self,
        info: Info,
        input: Annotated[SyncConsolidateInput, _argument(description="The run.")],  # noqa: A002 - GraphQL convention
    ) -> SyncConsolidatePayload | None:

        def check(facts: RunFacts) -> None:
            rules.check_consolidation(facts, force=input.force)

        arguments = {"force": input.force, "allow_mass_delete": input.allow_mass_delete}
        if input.allow_quarantine:  # omitted otherwise, so that jobs of an older version accept the request
            arguments["allow_quarantine"] = True
        return await _enqueue_for_run(SyncConsolidatePayload, info, "consolidate_run", input.run_id, check, arguments)

    @field(description="Cancels an open run. A run that has ended stays unchanged.", scope=Scope.SYNC_ADMIN)
    async def sync_cancel(
        self,
        info: Info,
        input: Annotated[SyncCancelInput, _argument(description="The run.")],  # noqa: A002 - GraphQL convention
    ) -> SyncCancelPayload | None:
        def check(facts: RunFacts) -> None:
            rules.check_cancel(facts.run)

        return await _enqueue_for_run(SyncCancelPayload, info, "cancel_run", input.run_id, check, {})


def _rejected(payload: type[P], error: InventoryError, subject: tuple[str, ...] = ()) -> P:
    return payload(
        run=None, job=None, user_errors=typed_errors(ERROR_TYPES[payload], user_errors(error, subject=subject))
    )


async def _enqueue_for_run(
    payload: type[P], info: Info, job: str, run_id: str, check: Callable[[RunFacts], None], arguments: dict[str, Any]
) -> P:
    """Enqueue a job for a run, unless the rules reject it in the current state of the run."""
    key = key_of(run_id, "SyncRun")
    if key is None:
        return _rejected(payload, NotFound("There is no run with this id."), _RUN_ID)
    try:
        facts = await info.context.services.runs.facts(key)
    except NotFound as error:
        return _rejected(payload, error, _RUN_ID)
    try:
        check(facts)
    except (Conflict, NotFound) as error:
        (run,) = await runs_to_graphql([facts.run], info, info.selection.below("run"))
        return payload(run=run, job=None, user_errors=typed_errors(ERROR_TYPES[payload], user_errors(error)))
    who = f"api:{info.context.caller.client_id}"
    return await _enqueue(payload, info, job, {**arguments, "run_id": str(key), "who": who})


async def _enqueue(payload: type[P], info: Info, job: str, arguments: dict[str, Any], *, key: str | None = None) -> P:
    """Enqueue a job and wait briefly for it. `key`: idempotency key of the job."""
    queue = info.context.services.jobs
    job_id, errors = await attempt(jobs.enqueue(queue, job, key=key, **arguments))
    if job_id is None:
        return payload(run=None, job=None, user_errors=typed_errors(ERROR_TYPES[payload], errors))
    state = await jobs.wait(queue, job_id, _WAIT_SECONDS)
    if state is None:
        raise JobsUnavailable
    run = await _run(state, info)
    # If the run exists, only a partition can be missing.
    subject = _PARTITION_ID if arguments.get("partition_id") and run else _RUN_ID
    errors = refusals(state.failure, subject=subject) if state.failure else []
    return payload(run=run, job=job_to_graphql(state, run), user_errors=typed_errors(ERROR_TYPES[payload], errors))


async def _run(state: JobState, info: Info) -> SyncRun | None:
    selections = (info.selection.below("run"), info.selection.below("job").below("run"))
    run_id = run_of(state)
    if run_id is None or not ("run" in info.selection or "run" in info.selection.below("job")):
        return None
    return (await find_runs([run_id], info, *selections)).get(run_id)
