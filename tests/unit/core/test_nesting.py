"""Nesting depth of JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.core.json_depth import exceeds_depth

JSON = st.recursive(st.text() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def levels(value: object) -> int:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if parts is None else 1 + max(map(levels, parts), default=0)


@given(value=JSON, most=st.integers(min_value=0, max_value=5))
def test_depth_counts_lists_and_objects(value: object, most: int) -> None:
    assert exceeds_depth(json.dumps(value).encode(), most) is (levels(value) > most)


@pytest.mark.parametrize("levels", [10, 1_000, 100_000])
def test_any_depth_is_measured(levels: int) -> None:
    assert exceeds_depth(b"[" * levels + b"]" * levels, 9)
    assert not exceeds_depth(b"[" * levels + b"]" * levels, levels)


def test_invalid_json_has_brackets_counted() -> None:
    assert exceeds_depth(b'{"unfinished: [[[', 0)
    assert not exceeds_depth(b'"unfinished [[[[', 5)
