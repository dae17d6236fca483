"""Selection of edges among the counted prices."""

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from sync.planning.cut_points import CutPoint, PriceSlice, slices


@st.composite
def curves(draw: st.DrawFn) -> list[CutPoint]:
    steps = draw(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), min_size=1, max_size=8))
    knots = [CutPoint(-1, 0, 0)]
    for step, at in steps:
        knots.append(CutPoint(knots[-1].dollars + 1, knots[-1].up_to + step, min(at, step)))
    last = knots[-1]
    return [*knots, CutPoint(last.dollars + 1, last.up_to + draw(st.integers(1, 50)), 0)]


@given(curves(), st.integers(1, 8))
def test_no_other_edges_reduce_largest_slice_much(knots: list[CutPoint], parts: int) -> None:
    found = slices(knots, parts)

    least = min(
        max(PriceSlice(low, high).stones for low, high in pairwise([knots[0], *edges, knots[-1]]))
        for count in range(min(parts, len(knots) - 1))
        for edges in combinations(knots[1:-1], count)
    )
    assert least <= max(part.stones for part in found) <= round(least * 1.02)


@given(curves(), st.integers(1, 8))
def test_slices_are_adjacent_complete_and_not_empty(knots: list[CutPoint], parts: int) -> None:
    found = slices(knots, parts)

    assert (found[0].low, found[-1].high) == (knots[0], knots[-1])
    assert all(lower.high == upper.low for lower, upper in pairwise(found))
    assert len(found) <= parts
    assert all(part.high.up_to > part.low.up_to for part in found)


def test_edge_with_many_ties_is_replaced_by_neighbour() -> None:
    knots = [CutPoint(-1, 0, 0), CutPoint(99, 48, 0), CutPoint(100, 50, 40), CutPoint(2**31 - 1, 100, 0)]

    assert [part.stones for part in slices(knots, 2)] == [48, 52]
