"""The mutations. What is wrong with a request stands in the payload's `userErrors`; outages and refusals are errors."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.guard import field
from app.graphql.payload import UserError, attempt, read_key, refusals, user_errors
from app.graphql.relay import global_id, key_of
from app.graphql.roots.outcome_mutations import OutcomeMutations
from app.graphql.roots.trading_mutations import TradingMutations
from app.graphql.types.inputs import known
from app.graphql.types.jobs import Job, show_job
from app.graphql.types.pricing import PricingRule, PricingRuleInput, read_rule, show_rule
from app.graphql.types.runs import SyncRun, find_runs, show_runs
from inventory.core import jobs
from inventory.core.errors import Conflict, InventoryError, NotFound, ValidationFailed
from inventory.core.jobs import JobState, JobsUnavailable
from inventory.runs import rules
from inventory.runs.jobs import run_of
from inventory.runs.models import RunFacts

_argument = strawberry.argument

# How long a mutation waits for its job, so that most responses show its outcome; the job goes on either way.
_PATIENCE_SECONDS = 5.0

_ERRORS = "What is wrong with the request; empty when it was done, or is being done."
_RuleId = Annotated[strawberry.ID, _argument(description="The rule's global id.")]
_RunId = Annotated[strawberry.ID, _argument(description="The run's global id, or the id that logs bear.")]
_Key = Annotated[
    str,
    _argument(
        description="Of the client's own choice, new for each intention: the same request sent again has no effect."
    ),
]


@strawberry.type(description="What became of a new pricing rule.")
class PricingRuleCreatePayload:
    pricing_rule: PricingRule | None = strawberry.field(description="The rule; null when it was refused.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="What became of a change to a pricing rule.")
class PricingRuleUpdatePayload:
    pricing_rule: PricingRule | None = strawberry.field(description="The rule; null when the change was refused.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="What became of the end of a pricing rule.")
class PricingRuleDeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(description="The rule's global id; null when there was none.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The repricing that was started.")
class InventoryRepricePayload:
    job: Job | None = strawberry.field(description="The job that does it; ask for it to see how far it is.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="What became of an operator's request to the sync.")
class SyncPayload:
    run: SyncRun | None = strawberry.field(
        description="The run as it is now; null when there is none, or none yet: a start plans first, see `job`."
    )
    job: Job | None = strawberry.field(description="The job that does it; null when it was refused at once.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="What can be changed.")
class Mutation(TradingMutations, OutcomeMutations):
    @field(
        says="Adds a pricing rule. Prices follow with `inventoryReprice`, or the next run.", needs=Scope.PRICING_WRITE
    )
    async def pricing_rule_create(
        self,
        info: Info,
        rule: Annotated[PricingRuleInput, _argument(description="The rule.")],
        idempotency_key: _Key,
    ) -> PricingRuleCreatePayload | None:
        client_id = info.context.caller.client_id
        added, errors = await attempt(_add(rule, client_id, idempotency_key, info), "rule")
        return PricingRuleCreatePayload(pricing_rule=added, user_errors=errors)

    @field(
        says="Replaces all values of a pricing rule. Prices follow with `inventoryReprice`, or the next run.",
        needs=Scope.PRICING_WRITE,
    )
    async def pricing_rule_update(
        self,
        info: Info,
        id: _RuleId,  # noqa: A002 - the argument's name in every GraphQL API
        rule: Annotated[PricingRuleInput, _argument(description="The rule as it shall be.")],
    ) -> PricingRuleUpdatePayload | None:
        changed, errors = await attempt(_change(id, rule, info), "rule", subject=("id",))
        return PricingRuleUpdatePayload(pricing_rule=changed, user_errors=errors)

    @field(
        says="Removes a pricing rule. Prices follow with `inventoryReprice`, or the next run.",
        needs=Scope.PRICING_WRITE,
    )
    async def pricing_rule_delete(
        self,
        info: Info,
        id: _RuleId,  # noqa: A002 - the argument's name in every GraphQL API
    ) -> PricingRuleDeletePayload | None:
        deleted, errors = await attempt(_remove(id, info), subject=("id",))
        return PricingRuleDeletePayload(deleted_id=deleted, user_errors=errors)

    @field(
        says="Gives every stone the price of the present rules, in the background. Doing it twice changes nothing more.",
        needs=Scope.PRICING_WRITE,
    )
    async def inventory_reprice(self, info: Info) -> InventoryRepricePayload | None:
        job_id = await jobs.enqueue(info.context.jobs, "reprice")
        state = await jobs.state(info.context.jobs, job_id)
        if state is None:
            raise JobsUnavailable
        return InventoryRepricePayload(job=show_job(state, None), user_errors=[])

    @field(says="Starts a run of the sync.", needs=Scope.SYNC_ADMIN)
    async def sync_start(
        self,
        info: Info,
        idempotency_key: _Key,
        full: Annotated[
            bool, _argument(description="Read everything, even if the last full run is recent enough.")
        ] = False,
        moves_watermark: Annotated[
            bool, _argument(description="Whether the next run may begin where this one ends.")
        ] = True,
    ) -> SyncPayload | None:
        client_id = info.context.caller.client_id
        try:
            key = read_key(idempotency_key)
        except ValidationFailed as error:
            return _refused(error)
        return await _hand_over(
            info,
            "schedule_run",
            key=f"{client_id}\n{key}",
            full=full,
            moves_watermark=moves_watermark,
            started_by=f"api:{client_id}",
        )

    @field(
        says="Has the failed partitions of the newest run read again, from where they stopped. While they are, asking "
        "again changes nothing.",
        needs=Scope.SYNC_ADMIN,
    )
    async def sync_retry(
        self,
        info: Info,
        id: _RunId,  # noqa: A002 - the argument's name in every GraphQL API
        partition_id: Annotated[
            strawberry.ID | None, _argument(description="Only this partition; all that failed when left out.")
        ] = UNSET,
    ) -> SyncPayload | None:
        chosen = known(partition_id)
        try:
            partition = None if chosen is None else UUID(chosen)
        except ValueError:
            return _refused(NotFound("There is no partition under this id."), "partitionId")

        def check(facts: RunFacts) -> None:
            rules.partitions_to_retry(facts, partition)

        return await _of_run(info, "retry_run", id, check, partition_id=str(partition) if partition else None)

    @field(
        says="Asks for the consolidation of the newest run once more. One that is consolidated stays as it is.",
        needs=Scope.SYNC_ADMIN,
    )
    async def sync_consolidate(
        self,
        info: Info,
        id: _RunId,  # noqa: A002 - the argument's name in every GraphQL API
        force: Annotated[
            bool,
            _argument(description="In spite of failed partitions. Nothing is deleted then, and the watermark stays."),
        ] = False,
        allow_mass_delete: Annotated[
            bool, _argument(description="You have looked: more stones than usual are really gone.")
        ] = False,
    ) -> SyncPayload | None:

        def check(facts: RunFacts) -> None:
            rules.check_consolidation(facts, force=force)

        return await _of_run(info, "consolidate_run", id, check, force=force, allow_mass_delete=allow_mass_delete)

    @field(says="Ends an open run. One that is over stays as it is.", needs=Scope.SYNC_ADMIN)
    async def sync_cancel(
        self,
        info: Info,
        id: _RunId,  # noqa: A002 - the argument's name in every GraphQL API
    ) -> SyncPayload | None:
        def check(facts: RunFacts) -> None:
            rules.check_cancel(facts.run)

        return await _of_run(info, "cancel_run", id, check)


async def _add(rule: PricingRuleInput, client_id: str, key: str, info: Info) -> PricingRule:
    draft, read = read_rule(rule), read_key(key)
    return show_rule(await info.context.rulebook.add(draft, client_id=client_id, key=read))


async def _change(rule_id: str, rule: PricingRuleInput, info: Info) -> PricingRule:
    client_id = info.context.caller.client_id
    return show_rule(await info.context.rulebook.change(_rule_key(rule_id), read_rule(rule), client_id=client_id))


async def _remove(rule_id: str, info: Info) -> strawberry.ID:
    key = _rule_key(rule_id)
    await info.context.rulebook.remove(key, client_id=info.context.caller.client_id)
    return global_id("PricingRule", key)


def _rule_key(text: str) -> UUID:
    key = key_of(text, "PricingRule")
    if key is None:
        raise NotFound("There is no pricing rule under this id.")
    return key


def _refused(error: InventoryError, *subject: str) -> SyncPayload:
    return SyncPayload(run=None, job=None, user_errors=user_errors(error, subject=subject))


async def _of_run(
    info: Info, name: str, text: str, check: Callable[[RunFacts], None], **arguments: object
) -> SyncPayload:
    """Queue a job about a run, unless the rules refuse it as the run is now."""
    run_id = key_of(text, "SyncRun")
    if run_id is None:
        return _refused(NotFound("There is no run under this id."), "id")
    try:
        facts = await info.context.journal.facts(run_id)
    except NotFound as error:
        return _refused(error, "id")
    try:
        check(facts)
    except (Conflict, NotFound) as error:
        (run,) = await show_runs([facts.run], info, info.selection.below("run"))
        return SyncPayload(run=run, job=None, user_errors=user_errors(error))
    who = f"api:{info.context.caller.client_id}"
    return await _hand_over(info, name, key=None, run_id=str(run_id), who=who, **arguments)


async def _hand_over(info: Info, name: str, *, key: str | None, **arguments: object) -> SyncPayload:
    job_id, errors = await attempt(jobs.enqueue(info.context.jobs, name, key=key, **arguments))
    if job_id is None:
        return SyncPayload(run=None, job=None, user_errors=errors)
    state = await jobs.wait(info.context.jobs, job_id, _PATIENCE_SECONDS)
    if state is None:
        raise JobsUnavailable
    run = await _run(state, info)
    # Of a run that exists, only a partition can be missing.
    subject = ("partitionId",) if arguments.get("partition_id") and run else ("id",)
    errors = refusals(state.failure, subject=subject) if state.failure else []
    return SyncPayload(run=run, job=show_job(state, run), user_errors=errors)


async def _run(state: JobState, info: Info) -> SyncRun | None:
    asked = (info.selection.below("run"), info.selection.below("job").below("run"))
    run_id = run_of(state)
    if run_id is None or not ("run" in info.selection or "run" in info.selection.below("job")):
        return None
    return (await find_runs([run_id], info, *asked)).get(run_id)
