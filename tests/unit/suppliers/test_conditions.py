"""Eye-clean, tinge and treatment: yes, no or unknown, never a default."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.suppliers.conditions import eye_clean, stated_tinge, tinge, treated
from inventory.suppliers.values import fraction


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (True, True), ("Yes", True), ("100%", True), ("100 %", True), ("Eye clean: yes", True), ("eye-clean", True),
        ("EYECLEAN", True), ("Eye Clean 100%", True), ("EC", True), (1, True), (fraction("1.0"), True),
        (False, False), ("No", False), ("0%", False), ("Not eye clean", False), ("Eye clean: no", False), (0, False),
        ("90%", None), ("95-100%", None), ("Borderline", None), ("E1", None), ("None", None), ("N/A", None), ("", None),
        (None, None), ("Yes and no", None), (2, None), ([], None),
    ],
)  # fmt: skip
def test_eye_clean(shown: Any, expected: bool | None) -> None:
    assert eye_clean(shown) is expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("Light", True), ("Faint Brown", True), ("No Brown", False), ("NONE", False), (True, True), ("", None), (None, None),
        ("M1", None), (["Light"], None), ("Light/Medium", True), ("Brownish", True), ("Non", False), ("no tinge", False),
        ("false", False), ("Mixed tinge", True), ("0", False), ("3", None),
    ],
)  # fmt: skip
def test_tinge_may_be_stated_by_strength(shown: Any, expected: bool | None) -> None:
    assert tinge(shown) is expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("None", False),
        ("no", False),
        ("Yes", True),
        ("Light", "Light"),
        ("No Brown", "No Brown"),
        (False, False),
        (2, "2"),
        (None, None),
        ("null", None),
    ],
)
def test_attribute_of_tinge_keeps_text(shown: Any, expected: bool | str | None) -> None:
    assert stated_tinge(shown) == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (True, True), ("true", True), ("HPHT", True), ("Laser drilled", True), ("Clarity enhanced", True), ("Fracture Filled", True),
        ("Irradiated", True), ("treated", True), (1, True),
        (False, False), ("no", False), ("None", False), ("Untreated", False), ("No treatment", False), ("As grown", False),
        (0, False), (None, None), ("", None), ("N/A", None), ("Unknown", None), ("may include post-growth treatment", None),
        ("not HPHT", None), ("something", None), ([], None),
    ],
)  # fmt: skip
def test_treated(shown: Any, expected: bool | None) -> None:
    assert treated(shown) is expected


@given(shown=st.text(max_size=30) | st.integers() | st.booleans() | st.none() | st.lists(st.text(), max_size=2))
def test_no_value_raises_error(shown: Any) -> None:
    assert {eye_clean(shown), tinge(shown), treated(shown)} <= {True, False, None}
    stated_tinge(shown)
