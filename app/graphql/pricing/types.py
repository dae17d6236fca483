"""GraphQL types of pricing rules and their preview."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.graphql.arguments import FloatRange, given_or_none, thousandths
from app.graphql.context import Info
from app.graphql.diamonds.grades import Shape, graded
from app.graphql.diamonds.types import Diamond, columns_of
from app.graphql.money import Money, money
from app.graphql.relay import Node, global_id
from inventory.catalog.diamond import Diamond as Row
from inventory.pricing.draft import RuleDraft, StoredRule
from inventory.pricing.repository import PricePreview

_argument = strawberry.argument


@strawberry.type(
    description="Markup for matching diamonds. The matching rule with the lowest priority number applies, among equals the "
    "oldest; without a matching rule the default markup applies."
)
class PricingRule(Node):
    name: str = strawberry.field(description="Name.")
    priority: int = strawberry.field(description="Priority; the lowest number applies first.")
    markup_ratio: float = strawberry.field(description="Retail price divided by the supplier price.")
    rating: int | None = strawberry.field(description="Rating of matching diamonds, 1 to 10.")
    carat_min: float | None = strawberry.field(description="Lowest weight in carats; null is open.")
    carat_max: float | None = strawberry.field(description="Highest weight in carats; null is open.")
    shapes: list[Shape] | None = strawberry.field(description="Shapes; null matches all.")
    lab_grown: bool | None = strawberry.field(description="Origin; null matches both.")
    supplier: str | None = strawberry.field(description="Supplier; null matches all.")
    created_at: datetime = strawberry.field(description="Time of creation.")
    updated_at: datetime = strawberry.field(description="Time of the last change.")


def rule_to_graphql(rule: StoredRule) -> PricingRule:
    """Convert a rule."""
    return PricingRule(
        id=global_id("PricingRule", rule.id),
        name=rule.name,
        priority=rule.priority,
        markup_ratio=float(rule.markup_ratio),
        rating=rule.rating,
        carat_min=None if rule.carat_min_milli is None else rule.carat_min_milli / 1000,
        carat_max=None if rule.carat_max_milli is None else rule.carat_max_milli / 1000,
        shapes=None if rule.shapes is None else [graded(Shape, text) or Shape.OTHER for text in rule.shapes],
        lab_grown=rule.lab_grown,
        supplier=rule.supplier,
        created_at=rule.created_at,
        updated_at=rule.updated_at,
    )


async def find_rules(keys: Collection[UUID], info: Info) -> Mapping[UUID, PricingRule]:
    """Find rules by id."""
    return {key: rule_to_graphql(rule) for key, rule in (await info.context.services.pricing.find(keys)).items()}


@strawberry.input(description="Values of a pricing rule. An omitted criterion matches every diamond.")
class PricingRuleInput:
    name: str = strawberry.field(description="Name.")
    priority: int = strawberry.field(description="Priority; the lowest number applies first.")
    markup_ratio: float = strawberry.field(
        description="Retail price divided by the supplier price, such as 1.25; at most four decimals."
    )
    rating: int | None = strawberry.field(default=UNSET, description="Rating of matching diamonds, 1 to 10.")
    carat: FloatRange | None = strawberry.field(default=UNSET, description="Weight in carats.")
    shapes: list[Shape] | None = strawberry.field(default=UNSET, description="Shapes.")
    lab_grown: bool | None = strawberry.field(default=UNSET, description="Origin: lab-grown or natural.")
    supplier: str | None = strawberry.field(default=UNSET, description="Code of the supplier.")


def read_rule(given: PricingRuleInput) -> RuleDraft:
    """Convert the input to a draft; the pricing service validates it."""
    ends = given_or_none(given.carat)
    carat = thousandths(ends) if ends else None
    shapes = given_or_none(given.shapes)
    return RuleDraft(
        name=given.name,
        priority=given.priority,
        markup_ratio=Decimal(repr(given.markup_ratio)),
        rating=given_or_none(given.rating),
        carat_min_milli=carat.min if carat else None,
        carat_max_milli=carat.max if carat else None,
        shapes=None if shapes is None else sorted({str(shape.value) for shape in shapes}),
        lab_grown=given_or_none(given.lab_grown),
        supplier=given_or_none(given.supplier),
    )


@strawberry.type(description="A diamond whose price would change.")
class PriceChange:
    diamond: Diamond = strawberry.field(description="The diamond.")
    old_price: Money = strawberry.field(description="Current retail price.")
    new_price: Money = strawberry.field(description="Retail price with the rule.")


@strawberry.type(description="Effect of a rule. Nothing is written.")
class PricingRulePreview:
    affected_count: int = strawberry.field(description="Diamonds to which the rule would apply, or no longer apply.")
    decided_count: int = strawberry.field(description="Diamonds to which the rule would apply.")
    changed_count: int = strawberry.field(description="Affected diamonds whose price would change.")
    old_total: Money = strawberry.field(description="Current total price of the affected diamonds.")
    new_total: Money = strawberry.field(description="Total price of the affected diamonds with the rule.")
    samples: list[PriceChange] = strawberry.field(description="Up to ten diamonds with the largest price changes.")


async def preview_to_graphql(preview: PricePreview, info: Info) -> PricingRulePreview:
    rows: Mapping[UUID, Row] = {}
    if "samples" in info.selection and preview.samples:
        columns = columns_of(info.selection.below("samples").below("diamond"))
        rows = await info.context.search.find([sample.diamond_id for sample in preview.samples], columns)
    return PricingRulePreview(
        affected_count=preview.affected,
        decided_count=preview.decided,
        changed_count=preview.changed,
        old_total=money(preview.old_total),
        new_total=money(preview.new_total),
        samples=[
            PriceChange(
                diamond=Diamond(row=rows[sample.diamond_id]),
                old_price=money(sample.old_cents),
                new_price=money(sample.new_cents),
            )
            for sample in preview.samples
            if sample.diamond_id in rows  # it may have left the inventory meanwhile
        ],
    )
