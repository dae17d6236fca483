"""Pricing rules as the schema shows and takes them, and what can be asked about them."""

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
    description="Which stones get which markup. Of the rules that match a stone the one with the lowest priority number "
    "decides, among equals the oldest; without any a default markup applies."
)
class PricingRule(Node):
    name: str = strawberry.field(description="What people call it.")
    priority: int = strawberry.field(description="When it is tried: the lowest number first.")
    markup_ratio: float = strawberry.field(description="The retail price by the supplier's price.")
    rating: int | None = strawberry.field(description="The rating that its stones get, 1 to 10.")
    carat_min: float | None = strawberry.field(description="The lowest weight that it is for; null is open.")
    carat_max: float | None = strawberry.field(description="The highest weight that it is for; null is open.")
    shapes: list[Shape] | None = strawberry.field(description="The shapes that it is for; null for all.")
    lab_grown: bool | None = strawberry.field(description="The origin that it is for; null for both.")
    supplier: str | None = strawberry.field(description="The supplier that it is for; null for all.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")


def rule_to_graphql(rule: StoredRule) -> PricingRule:
    """A rule as the schema shows it."""
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
    """The rules with these ids."""
    return {key: rule_to_graphql(rule) for key, rule in (await info.context.services.pricing.find(keys)).items()}


@strawberry.input(description="A pricing rule. A criterion that is left out matches every stone.")
class PricingRuleInput:
    name: str = strawberry.field(description="What people call it.")
    priority: int = strawberry.field(description="When it is tried: the lowest number first.")
    markup_ratio: float = strawberry.field(
        description="The retail price by the supplier's price, such as 1.25; at most four decimals."
    )
    rating: int | None = strawberry.field(default=UNSET, description="The rating that its stones get, 1 to 10.")
    carat: FloatRange | None = strawberry.field(default=UNSET, description="For stones of this weight in carats.")
    shapes: list[Shape] | None = strawberry.field(default=UNSET, description="For stones of these shapes.")
    lab_grown: bool | None = strawberry.field(default=UNSET, description="For lab-grown stones, or natural ones.")
    supplier: str | None = strawberry.field(default=UNSET, description="For stones of this supplier, by code.")


def read_rule(given: PricingRuleInput) -> RuleDraft:
    """The draft that an input describes; whether it makes sense is the rulebook's business."""
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


@strawberry.type(description="A stone whose price would be another.")
class PriceChange:
    diamond: Diamond = strawberry.field(description="The stone.")
    old_price: Money = strawberry.field(description="Its retail price now.")
    new_price: Money = strawberry.field(description="Its retail price then.")


@strawberry.type(description="What a rule would change. Nothing was written.")
class PricingRulePreview:
    affected_count: int = strawberry.field(
        description="Stones that the rule would decide, or decides now and then would not."
    )
    decided_count: int = strawberry.field(description="Stones that the rule would decide.")
    changed_count: int = strawberry.field(description="Affected stones whose price would be another.")
    old_total: Money = strawberry.field(description="What the affected stones cost now, together.")
    new_total: Money = strawberry.field(description="What they would cost then.")
    samples: list[PriceChange] = strawberry.field(description="Up to ten stones whose prices would change most.")


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
            if sample.diamond_id in rows  # it may have left the inventory since it was priced
        ],
    )
