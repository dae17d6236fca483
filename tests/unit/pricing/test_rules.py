"""Prices: exact, rounded half up, by the first matching rule."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.pricing.rules import DEFAULT_MARKUP, PricingRule, first_match, price, price_per_carat_cents, retail_cents

SHAPES = ("ROUND", "OVAL", "PEAR")
SUPPLIERS = ("nivoda", "other")

cents = st.integers(min_value=0, max_value=10**13)
# As in the column: numeric(8, 4), above zero.
ratios = st.decimals(min_value=Decimal("0.0001"), max_value=Decimal("9999.9999"), places=4)
weights = st.integers(min_value=1, max_value=10_000_000)
stones = st.tuples(st.integers(1, 5_000), st.sampled_from(SHAPES), st.booleans(), st.sampled_from(SUPPLIERS))


@st.composite
def rules(draw: st.DrawFn) -> PricingRule:
    low, high = sorted((draw(st.integers(0, 5_000)), draw(st.integers(0, 5_000))))
    return PricingRule(
        priority=draw(st.integers(0, 100)),
        markup_ratio=draw(ratios),
        rating=draw(st.none() | st.integers(1, 10)),
        carat_min_milli=draw(st.none() | st.just(low)),
        carat_max_milli=draw(st.none() | st.just(high)),
        shapes=draw(st.none() | st.frozensets(st.sampled_from(SHAPES), min_size=1)),
        lab_grown=draw(st.none() | st.booleans()),
        supplier=draw(st.none() | st.sampled_from(SUPPLIERS)),
    )


rule_lists = st.lists(rules(), max_size=8).map(lambda found: sorted(found, key=lambda rule: rule.priority))


@pytest.mark.parametrize(
    ("supplier_cents", "ratio", "expected"),
    [(100, "1.005", 101), (199, "1.15", 229), (0, "9.9999", 0), (10, "1.15", 12), (1, "0.4999", 0), (1, "0.5", 1)],
)
def test_invariant_16_retail_price_is_rounded_half_up_to_cent(supplier_cents: int, ratio: str, expected: int) -> None:
    assert retail_cents(supplier_cents, Decimal(ratio)) == expected


@pytest.mark.parametrize(
    ("supplier_cents", "carat_milli", "expected"),
    [(100_000, 1_000, 100_000), (100_000, 300, 333_333), (200_000, 300, 666_667), (1, 2_000, 1), (1, 2_001, 0)],
)
def test_price_per_carat_is_rounded_half_up_to_cent(supplier_cents: int, carat_milli: int, expected: int) -> None:
    assert price_per_carat_cents(supplier_cents, carat_milli) == expected


@given(supplier_cents=cents, ratio=ratios)
def test_invariant_16_retail_price_is_exact_product_rounded_once(supplier_cents: int, ratio: Decimal) -> None:
    with localcontext(prec=60):
        exact = (supplier_cents * ratio).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    assert retail_cents(supplier_cents, ratio) == exact


@given(supplier_cents=cents, carat_milli=weights)
def test_price_per_carat_is_off_by_at_most_half_cent(supplier_cents: int, carat_milli: int) -> None:
    off = price_per_carat_cents(supplier_cents, carat_milli) - Fraction(supplier_cents * 1000, carat_milli)
    assert Fraction(-1, 2) < off <= Fraction(1, 2)


@given(rules=rule_lists, stone=stones)
def test_first_matching_rule_is_chosen(rules: Sequence[PricingRule], stone: tuple[int, str, bool, str]) -> None:
    chosen = first_match(rules, *stone)
    before = rules if chosen is None else rules[: rules.index(chosen)]
    assert chosen is None or chosen.matches(*stone)
    assert not any(rule.matches(*stone) for rule in before)


@given(rule=rules(), stone=stones)
def test_rule_matches_if_all_criteria_match(rule: PricingRule, stone: tuple[int, str, bool, str]) -> None:
    carat_milli, shape, lab_grown, supplier = stone
    wanted = [
        rule.carat_min_milli is None or carat_milli >= rule.carat_min_milli,
        rule.carat_max_milli is None or carat_milli <= rule.carat_max_milli,
        rule.shapes is None or shape in rule.shapes,
        rule.lab_grown is None or lab_grown == rule.lab_grown,
        rule.supplier is None or supplier == rule.supplier,
    ]
    assert rule.matches(*stone) == all(wanted)


def test_carat_range_includes_both_ends() -> None:
    rule = PricingRule(priority=1, markup_ratio=Decimal(2), carat_min_milli=500, carat_max_milli=1_000)
    found = {milli: rule.matches(milli, "ROUND", False, "nivoda") for milli in (499, 500, 1_000, 1_001)}
    assert found == {499: False, 500: True, 1_000: True, 1_001: False}


def test_diamond_without_rule_has_default_markup_and_no_rating() -> None:
    rule = PricingRule(priority=1, markup_ratio=Decimal(2), rating=3, shapes=frozenset({"OVAL"}))
    priced = price([rule], 10_000, 1_000, "ROUND", False, "nivoda")
    assert (priced.retail_cents, priced.ratio, priced.rating) == (11_500, DEFAULT_MARKUP, None)


def test_matching_rule_sets_ratio_and_rating() -> None:
    rule = PricingRule(priority=1, markup_ratio=Decimal("1.2345"), rating=3)
    priced = price([rule], 10_000, 1_000, "ROUND", False, "nivoda")
    assert (priced.retail_cents, priced.ratio, priced.rating) == (12_345, Decimal("1.2345"), 3)


def test_database_row_becomes_rule() -> None:
    row = {"priority": 5, "markup_ratio": Decimal("1.3000"), "rating": None, "carat_min_milli": None,
           "carat_max_milli": 900, "shapes": ["ROUND"], "lab_grown": True, "supplier": None}  # fmt: skip
    rule = msgspec.convert(row, PricingRule)
    assert rule.matches(900, "ROUND", True, "nivoda")
    assert not rule.matches(900, "OVAL", True, "nivoda")
