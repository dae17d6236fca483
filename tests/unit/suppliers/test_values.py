"""Single values: whatever their type, they are read exactly or not at all."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.suppliers.nivoda.values import OutOfRange, address, flag, measure, milli, number, text, tinge, word


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (True, True), ("Yes", True), ("YES ", True), ("true", True), ("100%", True), (1, True), ("1", True),
        (False, False), ("no", False), ("0%", False), (0, False), ("None", False),
        (None, None), ("", None), ("90%", None), ("E1", None), ("Borderline", None), (2, None), ([], None), ({}, None),
    ],
)  # fmt: skip
def test_yes_and_no_are_known_in_any_spelling_and_the_rest_is_unknown(shown: Any, expected: bool | None) -> None:
    assert flag(shown) is expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("Light", True), ("Faint Brown", True), ("No Brown", False), ("NONE", False), (True, True), ("", None), (None, None),
        ("M1", None), (["Light"], None),
    ],
)  # fmt: skip
def test_a_tinge_may_be_told_by_its_strength(shown: Any, expected: bool | None) -> None:
    assert tinge(shown) is expected


@pytest.mark.parametrize(
    "shown", ["1_000", "1,5", "0x10", "NaN", "Infinity", "inf", "--1", "", "1e9999", "1 2", "٣", None, True, [], {}]
)
def test_what_is_not_plainly_a_number_is_none(shown: Any) -> None:
    assert number(shown) is None


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9))
def test_a_number_is_read_to_its_last_digit(value: Decimal) -> None:
    assert number(f"{value:f}") == value


@given(value=st.decimals(min_value=Decimal("0.0005"), max_value=1_000, places=8))
def test_thousandths_are_rounded_half_up(value: Decimal) -> None:
    found = milli(value, 1_000)
    assert found is not None
    assert Decimal("-0.5") < found - value * 1000 <= Decimal("0.5")


def test_more_than_the_column_holds_is_out_of_range() -> None:
    assert milli(Decimal(10), 10) == 10_000
    with pytest.raises(OutOfRange, match="is more than 10"):
        milli(Decimal("10.0001"), 10)
    with pytest.raises(OutOfRange):
        milli(Decimal("1e999"), 10)


def test_measures_beyond_all_reason_are_unknown() -> None:
    assert measure("1e999") is None
    assert measure(-1_000_000) is None
    assert measure("34.50") == Decimal("34.50")


def test_texts_are_trimmed_and_empty_ones_are_none() -> None:
    everything: list[Any] = [" a ", "", "  ", 5, 5.0, True, None, [], {}]
    assert [text(shown) for shown in everything] == [
        "a",
        *[None] * 2,
        "5",
        *[None] * 5,
    ]


def test_a_word_is_not_an_essay() -> None:
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
def test_an_address_is_one_of_the_web(shown: Any, expected: str | None) -> None:
    assert address(shown) == expected
