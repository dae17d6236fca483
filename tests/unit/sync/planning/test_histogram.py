"""Text histogram of a plan."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sync.planning.histogram import HistogramLine, histogram
from sync.planning.partition import MAX_PLANNED, Band, Plan


def plan_of(*sizes: int, unpriced: int = 0) -> Plan:
    """Bands with these numbers of stones, with edges at 1,000, 2,000, ... dollars."""
    last = len(sizes) - 1
    bands = [
        Band(
            ordinal=place,
            kind="band",
            price_from=place * 1_000 or None,
            price_to=None if place == last else (place + 1) * 1_000,
            planned=size,
        )
        for place, size in enumerate(sizes)
    ]
    if unpriced:
        bands.append(Band(ordinal=last + 1, kind="outside", price_from=None, price_to=None, planned=unpriced))
    total = sum(sizes)
    return Plan(bands=tuple(bands), total=total + unpriced, priced=total, unpriced=unpriced, counts_used=2)


def test_each_partition_is_one_line() -> None:
    assert list(histogram(plan_of(20, 40, 15, unpriced=10), width=4)) == [
        HistogramLine("up to $1,000", 20, "██"),
        HistogramLine("$1,000 to $2,000", 40, "████"),
        HistogramLine("from $2,000", 15, "█▌"),
        HistogramLine("without a price", 10, "█"),
    ]


def test_prices_per_carat_are_labelled() -> None:
    plan = msgspec.structs.replace(plan_of(20, 40, 15), dimension="dollar_per_carat")
    assert [line.label for line in histogram(plan)] == ["up to $1,000/ct", "$1,000/ct to $2,000/ct", "from $2,000/ct"]


def test_undivided_feed_is_one_line() -> None:
    assert [line.label for line in histogram(plan_of(7))] == ["everything"]


def test_empty_plan_has_no_lines() -> None:
    assert list(histogram(Plan(bands=(), total=0, priced=0, unpriced=0, counts_used=2))) == []


@given(st.lists(st.integers(0, MAX_PLANNED), min_size=1, max_size=30), st.integers(1, 100))
def test_bars_fit_width_and_grow_with_partition(sizes: list[int], width: int) -> None:
    lines = sorted(histogram(plan_of(*sizes), width=width), key=lambda line: line.count)

    assert max(len(line.bar) for line in lines) <= width
    assert [len(line.bar) for line in lines] == sorted(len(line.bar) for line in lines)
