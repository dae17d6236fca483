"""Which price a stone gets: the first matching rule by priority, in exact cents."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

DEFAULT_MARKUP = Decimal("1.15")


class PricingRule(msgspec.Struct, frozen=True, kw_only=True):
    """What a row of `pricing_rules` decides. A criterion that is None matches every stone.

    The range of carats (thousandths) includes both its ends.
    """

    priority: int
    markup_ratio: Decimal
    rating: int | None = None
    carat_min_milli: int | None = None
    carat_max_milli: int | None = None
    shapes: frozenset[str] | None = None
    lab_grown: bool | None = None
    supplier: str | None = None

    def matches(self, carat_milli: int, shape: str, lab_grown: bool, supplier: str) -> bool:
        """Whether the rule is for such a stone."""
        return (
            (self.carat_min_milli is None or self.carat_min_milli <= carat_milli)
            and (self.carat_max_milli is None or carat_milli <= self.carat_max_milli)
            and (self.shapes is None or shape in self.shapes)
            and (self.lab_grown is None or self.lab_grown is lab_grown)
            and (self.supplier is None or self.supplier == supplier)
        )


class Priced(msgspec.Struct, frozen=True):
    """What a stone costs, and by which ratio; `rating` is the rule's, None without one."""

    retail_cents: int
    ratio: Decimal
    rating: int | None


def first_match(
    rules: Sequence[PricingRule], carat_milli: int, shape: str, lab_grown: bool, supplier: str
) -> PricingRule | None:
    """The first rule that matches, or None. `rules` come in the order in which they are tried: priority, age, id."""
    for rule in rules:
        if rule.matches(carat_milli, shape, lab_grown, supplier):
            return rule
    return None


def price(
    rules: Sequence[PricingRule], supplier_cents: int, carat_milli: int, shape: str, lab_grown: bool, supplier: str
) -> Priced:
    """The retail price by the first rule that matches, by `DEFAULT_MARKUP` where none does."""
    rule = first_match(rules, carat_milli, shape, lab_grown, supplier)
    ratio = rule.markup_ratio if rule else DEFAULT_MARKUP
    return Priced(retail_cents(supplier_cents, ratio), ratio, rule.rating if rule else None)


def retail_cents(supplier_cents: int, ratio: Decimal) -> int:
    """Supplier price (cents, not negative) times ratio, rounded half up to the cent."""
    numerator, denominator = ratio.as_integer_ratio()
    return _half_up(supplier_cents * numerator, denominator)


def price_per_carat_cents(supplier_cents: int, carat_milli: int) -> int:
    """Supplier price (cents, not negative) per carat, rounded half up to the cent."""
    return _half_up(supplier_cents * 1000, carat_milli)


def _half_up(numerator: int, denominator: int) -> int:
    """A quotient that is not negative, rounded half up. In integers: no precision to run out of."""
    return (2 * numerator + denominator) // (2 * denominator)
