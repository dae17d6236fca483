"""Counts and distributions of the search index, against the same by plain Python."""

import math
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from inventory.catalog.facets import SHARES, Bucket
from inventory.catalog.index import columns
from inventory.catalog.index.columns import DictionaryColumn, IntegerColumn
from inventory.catalog.index.distribution import Matches

EDGES = (-100, 0, 3, 4, 50, 51, 1000)
# Ranges of values: counted by value in each type of the column, and one that is too large for that.
RANGES = [(-5, 60), (900, 1300), (50_000, 90_000), (-(10**6), 10**6), (0, 2**40)]
SHARES_OF_ROWS = [0, 0.001, 0.3, 0.7, 0.999, 1]


def buckets_of(values: Sequence[int]) -> list[int]:
    """Number of values before each edge and after the last one."""
    numbers = Counter(sum(edge <= value for edge in EDGES) for value in values)
    return [numbers[bucket] for bucket in range(len(EDGES) + 1)]


def counted(buckets: Sequence[Bucket]) -> list[int]:
    numbers = {0 if bucket.min is None else 1 + EDGES.index(bucket.min): bucket.count for bucket in buckets}
    return [numbers.get(number, 0) for number in range(len(EDGES) + 1)]


def matches(chance: random.Random, size: int, share: float) -> tuple[list[int], Matches]:
    rows = [row for row in range(size) if chance.random() < share]
    return rows, Matches.of(np.array(rows, np.int64), size)


@pytest.mark.parametrize("share", SHARES_OF_ROWS)
@pytest.mark.parametrize("ends", RANGES)
def test_distribution_of_integers_is_exact(ends: tuple[int, int], share: float) -> None:
    chance = random.Random(1)
    values = [None if chance.random() < 0.1 else chance.randint(*ends) for _ in range(3000)]
    column = IntegerColumn()
    column.data = column.encode(values)
    rows, found = matches(chance, len(values), share)
    present = sorted(value for row in rows if (value := values[row]) is not None)
    histogram = column.distribution(found).histogram(EDGES)
    assert counted(histogram.buckets) == buckets_of(present)
    expected = [present[max(0, math.ceil(part * len(present)) - 1)] for part in SHARES] if present else []
    assert list(histogram.quantiles) == expected


@pytest.mark.parametrize("share", SHARES_OF_ROWS)
@pytest.mark.parametrize("many_rows", [columns._MANY_ROWS, 10])
def test_counts_and_distribution_of_encoded_values_are_exact(
    many_rows: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "_MANY_ROWS", many_rows)
    chance = random.Random(2)
    values = [chance.choice([None, 3, 14, 5, 60, 2000]) for _ in range(2000)]
    column = DictionaryColumn()
    column.data = column.encode(values)
    rows, found = matches(chance, len(values), share)
    numbers = dict(zip(column.values, column.counts(found).tolist(), strict=True))
    assert {value: number for value, number in numbers.items() if number} == Counter(values[row] for row in rows)
    present = [value for row in rows if (value := values[row]) is not None]
    assert counted(column.distribution(found).histogram(EDGES).buckets) == buckets_of(present)


def test_column_without_values_has_no_histogram() -> None:
    column = IntegerColumn()
    column.data = column.encode([None] * 10)
    assert column.distribution(Matches.of(np.arange(10), 10)).histogram(EDGES).buckets == ()
    empty = IntegerColumn()
    assert empty.distribution(Matches.of(np.arange(0), 0)).histogram(EDGES).buckets == ()


def test_totals_follow_changes_of_column() -> None:
    all_rows = Matches.of(np.arange(40), 40)
    numbers, codes = IntegerColumn(), DictionaryColumn()
    numbers.data, codes.data = numbers.encode([1] * 20 + [2] * 10 + [3] * 10), codes.encode(["a", "b"] * 20)
    assert numbers.distribution(all_rows).ends.tolist() == [20, 30, 40]
    assert codes.counts(all_rows).tolist() == [0, 20, 20]
    numbers.data, codes.data = numbers.encode([7] * 40), codes.encode(["b"] * 40)
    assert (numbers.distribution(all_rows).values.tolist(), numbers.distribution(all_rows).ends.tolist()) == ([7], [40])
    assert sorted(codes.counts(all_rows).tolist()) == [0, 0, 40]


def test_new_value_after_totals_is_counted() -> None:
    column = DictionaryColumn()
    column.data = column.encode(["a", "a", "a"])
    all_rows = Matches.of(np.arange(3), 3)
    column.counts(all_rows)
    column.encode(["new"])  # a row that is inserted later
    assert column.counts(all_rows).sum() == 3
