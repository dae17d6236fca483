"""Changes of pricing rules with their author, and their undo."""

import re
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.pricing.types import PricingRule, rule_to_graphql
from app.graphql.user_errors import UserError, attempt, error_type, errors_field, typed_errors
from inventory.core.errors import NotFound, ValidationFailed
from inventory.pricing.history import RuleChange

_argument = strawberry.argument

_LARGEST_PAGE = 100
_ID = re.compile(r"[0-9]{1,19}")
_LARGEST_ID = 2**63 - 1


@strawberry.type(
    description="A change of a pricing rule. `before` and `after` have the id of the rule, also if it is deleted."
)
class PricingRuleChange:
    id: strawberry.ID = strawberry.field(description="Id for `pricingRuleChangeUndo`, and cursor for `before`.")
    at: datetime = strawberry.field(description="Time.")
    client_id: str = strawberry.field(description="Client whose key made the change.")
    before: PricingRule | None = strawberry.field(description="The rule before; null if it was created.")
    after: PricingRule | None = strawberry.field(description="The rule after; null if it was deleted.")
    undoes: strawberry.ID | None = strawberry.field(description="The change that this one has undone.")
    undone_by: strawberry.ID | None = strawberry.field(description="The change that has undone this one.")


PricingRuleChangeUndoUserError = error_type("PricingRuleChangeUndo")


@strawberry.type(description="Result of `pricingRuleChangeUndo`.")
class PricingRuleChangeUndoPayload:
    pricing_rule: PricingRule | None = strawberry.field(
        description="The rule now; null if the change had created it, or if the undo was rejected."
    )
    user_errors: list[UserError] = errors_field(PricingRuleChangeUndoUserError)


@strawberry.type
class PricingHistoryQueries:
    """Fields of `Query` for the history of pricing rules."""

    @field(description="Changes of pricing rules, newest first.", scope=Scope.PRICING_WRITE)
    async def pricing_rule_changes(
        self,
        info: Info,
        first: Annotated[int, _argument(description="Number of changes, at most 100.")] = 20,
        before: Annotated[strawberry.ID | None, _argument(description="Only changes before this one.")] = UNSET,
    ) -> list[PricingRuleChange] | None:
        if not 0 <= first <= _LARGEST_PAGE:
            raise ValidationFailed({"first": f"should be between 0 and {_LARGEST_PAGE}"})
        given = given_or_none(before)
        place = None if given is None else _change_id(given)
        if given is not None and place is None:
            raise ValidationFailed({"before": "is not the id of a change"})
        found = await info.context.services.pricing.changes(place, first)
        return [_change_to_graphql(change) for change in found]


@strawberry.type
class PricingHistoryMutations:
    """Fields of `Mutation` for the history of pricing rules."""

    @field(
        description="Restores a pricing rule as it was before a change. Later changes of the rule must be undone first. "
        "`inventoryReprice` or the next run applies it.",
        scope=Scope.PRICING_WRITE,
    )
    async def pricing_rule_change_undo(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _argument(description="Id of the change.")],  # noqa: A002
    ) -> PricingRuleChangeUndoPayload | None:
        rule, errors = await attempt(_undo(id, info), subject=("id",))
        return PricingRuleChangeUndoPayload(
            pricing_rule=rule, user_errors=typed_errors(PricingRuleChangeUndoUserError, errors)
        )


async def _undo(given: str, info: Info) -> PricingRule | None:
    change_id = _change_id(given)
    if change_id is None:
        raise NotFound("There is no change with this id.")
    rule = await info.context.services.pricing.undo(change_id, client_id=info.context.caller.client_id)
    return rule_to_graphql(rule) if rule else None


def _change_id(text: str) -> int | None:
    return int(text) if _ID.fullmatch(text) and int(text) <= _LARGEST_ID else None


def _change_to_graphql(change: RuleChange) -> PricingRuleChange:
    def known(number: int | None) -> strawberry.ID | None:
        return None if number is None else strawberry.ID(str(number))

    return PricingRuleChange(
        id=strawberry.ID(str(change.id)),
        at=change.at,
        client_id=change.client_id,
        before=rule_to_graphql(change.before) if change.before else None,
        after=rule_to_graphql(change.after) if change.after else None,
        undoes=known(change.undoes),
        undone_by=known(change.undone_by),
    )
