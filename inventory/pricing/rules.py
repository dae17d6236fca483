"""Pricing rules: match a diamond to the first rule by priority, and compute its retail price in exact cents."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

DEFAULT_MARKUP = Decimal("1.15")


class PricingRule(msgspec.Struct, frozen=True, kw_only=True):
    """A pricing rule. A criterion set to None matches every diamond. Carats: thousandths, both ends inclusive."""

    priority: int
    markup_ratio: Decimal
    rating: int | None = None
    carat_min_milli: int | None = None
    carat_max_milli: int | None = None
    shapes: frozenset[str] | None = None
    lab_grown: bool | None = None
    supplier: str | None = None

    def matches(self, carat_milli: int, shape: str, lab_grown: bool, supplier: str) -> bool:
        """Whether the rule applies to such a diamond."""
        return (
            (self.carat_min_milli is None or self.carat_min_milli <= carat_milli)
            and (self.carat_max_milli is None or carat_milli <= self.carat_max_milli)
            and (self.shapes is None or shape in self.shapes)
            and (self.lab_grown is None or self.lab_grown is lab_grown)
            and (self.supplier is None or self.supplier == supplier)
        )


class Priced(msgspec.Struct, frozen=True):
    """Retail price of a diamond (US cents) and its markup ratio. `rating`: of the rule; None without a rule."""

    retail_cents: int
    ratio: Decimal
    rating: int | None


def first_match(
    rules: Sequence[PricingRule], carat_milli: int, shape: str, lab_grown: bool, supplier: str
) -> PricingRule | None:
    """Return the first matching rule, or None. `rules`: in the order of evaluation (priority, age, id)."""
    for rule in rules:
        if rule.matches(carat_milli, shape, lab_grown, supplier):
            return rule
    return None


def price(
    rules: Sequence[PricingRule], supplier_cents: int, carat_milli: int, shape: str, lab_grown: bool, supplier: str
) -> Priced:
    """Compute the retail price by the first matching rule, or by `DEFAULT_MARKUP` without one."""
    rule = first_match(rules, carat_milli, shape, lab_grown, supplier)
    ratio = rule.markup_ratio if rule else DEFAULT_MARKUP
    return Priced(retail_cents(supplier_cents, ratio), ratio, rule.rating if rule else None)


def retail_cents(supplier_cents: int, ratio: Decimal) -> int:
    """Multiply a supplier price (cents, not negative) by a markup ratio, and round half up to the cent."""
    numerator, denominator = ratio.as_integer_ratio()
    return _half_up(supplier_cents * numerator, denominator)


def price_per_carat_cents(supplier_cents: int, carat_milli: int) -> int:
    """Divide a supplier price (cents, not negative) by the weight in carats, and round half up to the cent."""
    return _half_up(supplier_cents * 1000, carat_milli)


def _half_up(numerator: int, denominator: int) -> int:
    """Round a non-negative quotient half up. Integer arithmetic is exact."""
    return (2 * numerator + denominator) // (2 * denominator)
