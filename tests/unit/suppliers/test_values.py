"""Parsing of single values: exact, or None."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.suppliers.values import (
    OutOfRange,
    address,
    days,
    flag,
    fraction,
    identifier,
    measure,
    milli,
    milli_size,
    number,
    text,
    withheld,
    word,
)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (True, True), ("Yes", True), ("YES ", True), ("true", True), ("t", True), (1, True), ("1", True), (fraction("1.0"), True),
        (False, False), ("no", False), ("f", False), (0, False), ("0.0", False), (fraction("0.0"), False),
        (None, None), ("", None), ("None", None), ("90%", None), ("E1", None), ("100%", None), (fraction("0.5"), None), ("Borderline", None), (2, None), ([], None), ({}, None),
    ],
)  # fmt: skip
def test_yes_no_spellings_are_known_and_others_are_unknown(shown: Any, expected: bool | None) -> None:
    assert flag(shown) is expected


@pytest.mark.parametrize(
    "shown", ["1_000", "1,5", "0x10", "NaN", "Infinity", "inf", "--1", "", "1e9999", "1 2", "٣", None, True, [], {}]
)
def test_ambiguous_number_is_none(shown: Any) -> None:
    assert number(shown) is None


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9))
def test_number_is_parsed_to_last_digit(value: Decimal) -> None:
    assert number(f"{value:f}") == value


@given(value=st.decimals(min_value=Decimal("0.0005"), max_value=1_000, places=8))
def test_thousandths_are_rounded_half_up(value: Decimal) -> None:
    found = milli(value, 1_000)
    assert found is not None
    assert Decimal("-0.5") < found - value * 1000 <= Decimal("0.5")


def test_value_above_column_limit_is_out_of_range() -> None:
    assert milli(Decimal(10), 10) == 10_000
    with pytest.raises(OutOfRange, match="is more than 10"):
        milli(Decimal("10.0001"), 10)
    with pytest.raises(OutOfRange):
        milli(Decimal("1e999"), 10)


def test_implausible_measurements_are_unknown() -> None:
    assert measure("1e999") is None
    assert measure(-1_000_000) is None
    assert measure("34.50") == Decimal("34.50")


def test_texts_are_trimmed_and_empty_ones_are_none() -> None:
    everything: list[Any] = [" a ", "", "  ", "null", " NULL ", "NaN", "undefined", 5, True, None, [], {}]
    assert [text(shown) for shown in everything] == ["a", *[None] * 6, "5", *[None] * 4]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2141438171.0", "2141438171"), ("4711.000", "4711"), ("2.141438171e9", "2141438171"), ("-0.0", "0"), ("1E2", "100"),
        ("4711.5", "4711.5"), ("1e999", "1e999"), ("1e-3", "1e-3"), ("0.10", "0.10"), ("9" * 99 + ".0", "9" * 99 + ".0"),
        ("9" * 120 + ".0", "9" * 120 + ".0"),
    ],
)  # fmt: skip
def test_whole_number_has_no_fraction_as_text(written: str, expected: str) -> None:
    assert text(fraction(written)) == identifier(fraction(written)) == expected


def test_identifier_is_unchanged() -> None:
    everything: list[Any] = [" lead", "lead ", "a\tb", "12.0", 17, fraction("17.0"), "", "  ", "null", None, True, []]
    assert [identifier(shown) for shown in everything] == [
        " lead", "lead ", "a\tb", "12.0", "17", "17", *[None] * 6,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("7.200000", 7_200), (fraction("6.43"), 6_430), (5, 5_000), ("6.5 mm", 6_500), ("61.8%", 61_800), ("34.5°", 34_500),
        ("0", None), (fraction("-1.5"), None), ("mm", None), ("6.5 cm", None), ("6.5 mm x 4", None), (None, None), (True, None),
    ],
)  # fmt: skip
def test_size_is_parsed_with_and_without_unit(shown: Any, expected: int | None) -> None:
    assert milli_size(shown) == expected


@pytest.mark.parametrize("shown", ["2000001", fraction("2000000.1"), fraction("1e20"), 10**9, "3000000 mm"])
def test_size_above_column_limit_is_out_of_range(shown: Any) -> None:
    with pytest.raises(OutOfRange, match="is more than 2000000"):
        milli_size(shown)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [(7, 7), ("7", 7), ("7 days", 7), ("2 business days", 2), (fraction("7.0"), 7), ("week", None), (-1, None)],
)
def test_delivery_days_are_parsed(shown: Any, expected: int | None) -> None:
    assert days(shown) == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (None, False), (True, False), ("yes", False), (1, False), ("", False), ("null", False),
        (False, True), ("false", True), (0, True), ("maybe", True), (2, True), ([], True), ("None", True),
    ],
)  # fmt: skip
def test_unknown_flag_hides_values(shown: Any, expected: bool) -> None:
    assert withheld(shown) is expected


def test_long_text_is_no_word() -> None:
    assert word("x" * 100) == "x" * 100
    assert word("x" * 101) is None


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("https://a.example/x", "https://a.example/x"), ("HTTP://a.example", "HTTP://a.example"),
        ("//a.example/x", "https://a.example/x"), (" https://a.example ", "https://a.example"),
        ("javascript:alert(1)", None), ("ftp://a.example", None), ("a.example", None), (None, None), (7, None),
    ],
)  # fmt: skip
def test_media_address_is_http_url(shown: Any, expected: str | None) -> None:
    assert address(shown) == expected
