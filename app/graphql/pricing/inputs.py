"""Inputs of the mutations of pricing rules."""

import strawberry

from app.graphql.pricing.types import PricingRuleInput
from app.graphql.user_errors import IDEMPOTENCY_KEY_DESCRIPTION

_RULE_ID = "Global id of the rule."


@strawberry.input(description="A new pricing rule.")
class PricingRuleCreateInput:
    rule: PricingRuleInput = strawberry.field(description="The rule.")
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY_DESCRIPTION)


@strawberry.input(description="A change of a pricing rule. It replaces all values.")
class PricingRuleUpdateInput:
    pricing_rule_id: strawberry.ID = strawberry.field(description=_RULE_ID)
    rule: PricingRuleInput = strawberry.field(description="The new values.")


@strawberry.input(description="A pricing rule to delete.")
class PricingRuleDeleteInput:
    pricing_rule_id: strawberry.ID = strawberry.field(description=_RULE_ID)
