"""Pricing rule drafts, their validation, and stored pricing rules."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from inventory.pricing.rules import PricingRule

_MAX_NAME_LENGTH = 200
_MAX_SUPPLIER_LENGTH = 100
_PRIORITIES = range(-1_000_000, 1_000_001)
_RATINGS = range(1, 11)
# Range of the column numeric(8, 4).
_SMALLEST_RATIO, _LARGEST_RATIO, _RATIO_PLACES = Decimal("0.0001"), Decimal("9999.9999"), 4
_HEAVIEST_MILLI = 1_000_000


class RuleDraft(msgspec.Struct, frozen=True, kw_only=True):
    """Values of a pricing rule. A criterion set to None matches every diamond. Carats: thousandths, both ends inclusive."""

    name: str
    priority: int
    markup_ratio: Decimal
    rating: int | None = None
    carat_min_milli: int | None = None
    carat_max_milli: int | None = None
    shapes: Sequence[str] | None = None
    lab_grown: bool | None = None
    supplier: str | None = None

    def problems(self) -> dict[str, str]:
        """Validate the values. Returns a message by field, and nothing if the rule can be stored."""
        found: dict[str, str] = {}
        if not self.name.strip() or len(self.name) > _MAX_NAME_LENGTH or "\x00" in self.name:
            found["name"] = f"should hold 1 to {_MAX_NAME_LENGTH} characters"
        if self.priority not in _PRIORITIES:
            found["priority"] = f"should lie between {_PRIORITIES[0]} and {_PRIORITIES[-1]}"
        ratio = self.markup_ratio
        if not ratio.is_finite() or not _SMALLEST_RATIO <= ratio <= _LARGEST_RATIO:
            found["markup_ratio"] = f"should lie between {_SMALLEST_RATIO} and {_LARGEST_RATIO}"
        elif ratio != round(ratio, _RATIO_PLACES):
            found["markup_ratio"] = f"should have at most {_RATIO_PLACES} decimals"
        if self.rating is not None and self.rating not in _RATINGS:
            found["rating"] = f"should lie between {_RATINGS[0]} and {_RATINGS[-1]}"
        ends = [end for end in (self.carat_min_milli, self.carat_max_milli) if end is not None]
        if any(not 0 <= end <= _HEAVIEST_MILLI for end in ends):
            found["carat"] = f"should lie between 0 and {_HEAVIEST_MILLI // 1000}"
        elif ends != sorted(ends):
            found["carat"] = "min is more than max"
        if self.shapes is not None and not self.shapes:
            found["shapes"] = "should name a shape, or be left out"
        supplier = self.supplier
        if supplier is not None and (not supplier or len(supplier) > _MAX_SUPPLIER_LENGTH or "\x00" in supplier):
            found["supplier"] = f"should hold 1 to {_MAX_SUPPLIER_LENGTH} characters, or be left out"
        return found


class StoredRule(RuleDraft, frozen=True, kw_only=True):
    """A row of `pricing_rules`."""

    id: UUID
    created_at: datetime
    updated_at: datetime

    @property
    def rule(self) -> PricingRule:
        """The criteria and the markup of the row."""
        return PricingRule(
            priority=self.priority,
            markup_ratio=self.markup_ratio,
            rating=self.rating,
            carat_min_milli=self.carat_min_milli,
            carat_max_milli=self.carat_max_milli,
            shapes=None if self.shapes is None else frozenset(self.shapes),
            lab_grown=self.lab_grown,
            supplier=self.supplier,
        )


def position_of(rules: Sequence[StoredRule], draft: RuleDraft, replacing: StoredRule | None) -> int:
    """Return the index of a draft among the other rules, in the database's order: priority, age, id.

    `rules`: in that order, without `replacing`, the rule that the draft changes. A new rule is the youngest.
    """
    if replacing is None:
        return sum(rule.priority <= draft.priority for rule in rules)
    key = (draft.priority, replacing.created_at, replacing.id.bytes)
    return sum((rule.priority, rule.created_at, rule.id.bytes) < key for rule in rules)
