"""Mutations of pricing rules, and repricing of the inventory."""

from typing import Annotated
from uuid import UUID

import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.pricing.history import PricingHistoryMutations
from app.graphql.pricing.inputs import PricingRuleCreateInput, PricingRuleDeleteInput, PricingRuleUpdateInput
from app.graphql.pricing.types import PricingRule, read_rule, rule_to_graphql
from app.graphql.relay import global_id, read_id
from app.graphql.sync.jobs import Job, job_to_graphql
from app.graphql.user_errors import UserError, attempt, error_type, errors_field, read_key, typed_errors
from inventory.core import jobs
from inventory.core.jobs import JobsUnavailable

_argument = strawberry.argument
_RULE = ("input", "rule")
_RULE_ID = ("input", "pricingRuleId")


PricingRuleCreateUserError = error_type("PricingRuleCreate")


@strawberry.type(description="Result of `pricingRuleCreate`.")
class PricingRuleCreatePayload:
    pricing_rule: PricingRule | None = strawberry.field(description="The new rule; null if it was rejected.")
    user_errors: list[UserError] = errors_field(PricingRuleCreateUserError)


PricingRuleUpdateUserError = error_type("PricingRuleUpdate")


@strawberry.type(description="Result of `pricingRuleUpdate`.")
class PricingRuleUpdatePayload:
    pricing_rule: PricingRule | None = strawberry.field(description="The changed rule; null if it was rejected.")
    user_errors: list[UserError] = errors_field(PricingRuleUpdateUserError)


PricingRuleDeleteUserError = error_type("PricingRuleDelete")


@strawberry.type(description="Result of `pricingRuleDelete`.")
class PricingRuleDeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(description="Global id of the rule; null if none was deleted.")
    user_errors: list[UserError] = errors_field(PricingRuleDeleteUserError)


InventoryRepriceUserError = error_type("InventoryReprice")


@strawberry.type(description="Result of `inventoryReprice`.")
class InventoryRepricePayload:
    job: Job | None = strawberry.field(description="The job; the query `job` returns its progress.")
    user_errors: list[UserError] = errors_field(InventoryRepriceUserError)


@strawberry.type
class PricingMutations(PricingHistoryMutations):
    """Fields of `Mutation` for prices."""

    @field(
        description="Creates a pricing rule. `inventoryReprice` or the next run applies it.", scope=Scope.PRICING_WRITE
    )
    async def pricing_rule_create(
        self,
        info: Info,
        input: Annotated[PricingRuleCreateInput, _argument(description="The rule.")],  # noqa: A002 - GraphQL convention
    ) -> PricingRuleCreatePayload | None:
        rule, errors = await attempt(_create(input, info), _RULE)
        return PricingRuleCreatePayload(pricing_rule=rule, user_errors=typed_errors(PricingRuleCreateUserError, errors))

    @field(
        description="Replaces all values of a pricing rule. `inventoryReprice` or the next run applies it.",
        scope=Scope.PRICING_WRITE,
    )
    async def pricing_rule_update(
        self,
        info: Info,
        input: Annotated[PricingRuleUpdateInput, _argument(description="The change.")],  # noqa: A002 - GraphQL convention
    ) -> PricingRuleUpdatePayload | None:
        rule, errors = await attempt(_update(input, info), _RULE, subject=_RULE_ID)
        return PricingRuleUpdatePayload(pricing_rule=rule, user_errors=typed_errors(PricingRuleUpdateUserError, errors))

    @field(
        description="Deletes a pricing rule. `inventoryReprice` or the next run applies it.", scope=Scope.PRICING_WRITE
    )
    async def pricing_rule_delete(
        self,
        info: Info,
        input: Annotated[PricingRuleDeleteInput, _argument(description="The rule.")],  # noqa: A002 - GraphQL convention
    ) -> PricingRuleDeletePayload | None:
        deleted, errors = await attempt(_delete(input, info), subject=_RULE_ID)
        return PricingRuleDeletePayload(
            deleted_id=deleted, user_errors=typed_errors(PricingRuleDeleteUserError, errors)
        )

    @field(
        description="Applies the current rules to every diamond in the background. Repeating it changes nothing more.",
        scope=Scope.PRICING_WRITE,
    )
    async def inventory_reprice(self, info: Info) -> InventoryRepricePayload | None:
        job_id = await jobs.enqueue(info.context.services.jobs, "reprice")
        state = await jobs.state(info.context.services.jobs, job_id)
        if state is None:
            raise JobsUnavailable
        return InventoryRepricePayload(job=job_to_graphql(state, None), user_errors=[])


async def _create(given: PricingRuleCreateInput, info: Info) -> PricingRule:
    draft, key = read_rule(given.rule), read_key(given.idempotency_key)
    client_id = info.context.caller.client_id
    return rule_to_graphql(await info.context.services.pricing.add(draft, client_id=client_id, key=key))


async def _update(given: PricingRuleUpdateInput, info: Info) -> PricingRule:
    rule_id, client_id = _rule_id(given.pricing_rule_id), info.context.caller.client_id
    changed = await info.context.services.pricing.change(rule_id, read_rule(given.rule), client_id=client_id)
    return rule_to_graphql(changed)


async def _delete(given: PricingRuleDeleteInput, info: Info) -> strawberry.ID:
    rule_id = _rule_id(given.pricing_rule_id)
    await info.context.services.pricing.remove(rule_id, client_id=info.context.caller.client_id)
    return global_id("PricingRule", rule_id)


def _rule_id(text: str) -> UUID:
    return read_id(text, "PricingRule", "There is no pricing rule with this id.")
