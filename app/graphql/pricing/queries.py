"""Queries for pricing rules: list and preview."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.pricing.history import PricingHistoryQueries
from app.graphql.pricing.types import (
    PricingRule,
    PricingRuleInput,
    PricingRulePreview,
    preview_to_graphql,
    read_rule,
    rule_to_graphql,
)
from app.graphql.relay import key_of
from inventory.core.errors import NotFound, ValidationFailed

_argument = strawberry.argument


@strawberry.type
class PricingQueries(PricingHistoryQueries):
    """Fields of `Query` for prices."""

    @field(description="All pricing rules in the order of their priority.", scope=Scope.PRICING_WRITE)
    async def pricing_rules(self, info: Info) -> list[PricingRule] | None:
        return [rule_to_graphql(rule) for rule in await info.context.services.pricing.all_rules()]

    @field(
        description="Previews the effect of a new or changed rule. Writes nothing.",
        scope=Scope.PRICING_WRITE,
    )
    async def pricing_rule_preview(
        self,
        info: Info,
        rule: Annotated[PricingRuleInput, _argument(description="Values of the rule.")],
        replacing: Annotated[
            strawberry.ID | None, _argument(description="Global id of the rule to change; a new rule if omitted.")
        ] = UNSET,
    ) -> PricingRulePreview | None:
        replaced = given_or_none(replacing)
        key = None if replaced is None else key_of(replaced, "PricingRule")
        unknown = ValidationFailed({"replacing": "is not the id of a pricing rule"})
        if replaced is not None and key is None:
            raise unknown
        try:
            preview = await info.context.services.pricing.preview(read_rule(rule), key)
        except NotFound:
            raise unknown from None
        return await preview_to_graphql(preview, info)
