"""Sorted keys, compared with a sorted list."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.supplier.sorted_keys import SortedKeys


@given(st.sets(st.integers(-50, 50)), st.lists(st.integers(-50, 50)), st.integers(-60, 60), st.integers(0, 60))
def test_added_and_removed_keys_are_sorted(start: set[int], moves: list[int], probe: int, first: int) -> None:
    keys, expected = SortedKeys(start), set(start)
    for key in moves:
        if key in expected:
            keys.remove(key)
        else:
            keys.add(key)
        expected ^= {key}
        assert keys.rank(probe) == sum(key < probe for key in expected)
    ordered = sorted(expected)
    assert len(keys) == len(ordered)
    assert list(keys.slice(0, len(ordered))) == ordered
    assert list(keys.slice(first, first + 7)) == ordered[first : first + 7]
    assert keys.rank(probe) == sum(key < probe for key in ordered)


def test_keys_are_sorted_across_many_runs() -> None:
    random = Random(3)
    expected = set(random.sample(range(1_000_000), 5_000))
    keys = SortedKeys(expected)
    for key in random.sample(range(1_000_000), 5_000):
        if key not in expected:
            keys.add(key)
            expected.add(key)
    assert max(map(len, keys._runs)) <= 1_024
    for key in random.sample(sorted(expected), 6_000):
        keys.remove(key)
        expected.remove(key)
        if len(expected) % 100 == 0:
            assert keys.rank(max(expected)) == len(expected) - 1
    ordered = sorted(expected)
    assert list(keys.slice(0, len(ordered))) == ordered
    assert all(keys.rank(key) == rank for rank, key in enumerate(ordered))
    assert list(keys.slice(1_400, 1_900)) == ordered[1_400:1_900]


@pytest.mark.parametrize("start", [[], [1, 3], list(range(2_000))])
def test_missing_key_cannot_be_removed(start: list[int]) -> None:
    keys = SortedKeys(start)
    for missing in (-1, 2_500):
        with pytest.raises(KeyError):
            keys.remove(missing)
    assert len(keys) == len(start)
