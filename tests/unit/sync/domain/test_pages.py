"""What a reader makes of one page: it adjoins, or it is stepped back."""

import pytest

from sync.domain.reader import Checkpoint, Mark, Reader
from tests.unit.sync.domain.drifting import band


def marks(first: int, end: int) -> list[Mark]:
    """Stones whose ids are their prices."""
    return [(str(cents), cents) for cents in range(first, end)]


def after(page: list[Mark], offset: int) -> Checkpoint:
    """What a reader of ten that came to this page goes on from."""
    at = Checkpoint(next_offset=offset, anchors=(page[0],), floor_cents=page[0][1])
    return Reader(band(planned=900), limit=10).read(at, page)


def test_the_next_page_begins_with_the_last_stones_of_this_one() -> None:
    at = after(marks(100, 110), 40)

    assert at.next_offset == 47
    assert at.anchors == (("107", 107), ("108", 108), ("109", 109))
    assert not at.finished


def test_a_page_that_starts_too_late_is_not_delivered() -> None:
    at = after(marks(100, 110), 40)

    step = Reader(band(planned=900), limit=10).read(at, marks(111, 121))

    assert step.next_offset == 42
    assert step.anchors == at.anchors


def test_steps_back_grow_until_the_beginning() -> None:
    reader = Reader(band(planned=900), limit=10)
    at = after(marks(100, 110), 93)
    offsets = []
    while at.next_offset:
        at = reader.read(at, marks(200, 210))
        offsets.append(at.next_offset)

    assert offsets == [95, 85, 65, 25, 0]
    assert reader.read(at, marks(200, 210)).next_offset == 7


def test_an_anchor_at_another_price_is_none() -> None:
    at = after(marks(100, 110), 40)
    page: list[Mark] = [("107", 111), ("108", 112), ("109", 113), *marks(114, 121)]

    assert Reader(band(planned=900), limit=10).read(at, page).next_offset == 42


def test_one_anchor_is_enough() -> None:
    at = after(marks(100, 110), 40)
    page: list[Mark] = [("107", 107), ("new", 108), ("109", 109), *marks(110, 117)]

    step = Reader(band(planned=900), limit=10).read(at, page)

    assert step.next_offset == 54


def test_a_cheaper_stone_proves_the_page_when_all_anchors_are_gone() -> None:
    at = after(marks(100, 110), 40)
    page = [*marks(104, 107), *marks(110, 117)]

    step = Reader(band(planned=900), limit=10).read(at, page)

    assert step.next_offset == 54


def test_a_stone_as_dear_as_the_last_one_proves_nothing() -> None:
    at = after([(f"a{place}", 100) for place in range(10)], 40)

    step = Reader(band(planned=900), limit=10).read(at, [(f"b{place}", 100) for place in range(10)])

    assert step.back


def test_a_page_out_of_order_ends_the_trust_in_prices_for_good() -> None:
    reader = Reader(band(planned=900), limit=10)
    at = after(marks(100, 110), 40)

    at = reader.read(at, [*marks(90, 99), ("x", 50)])
    step = reader.read(at, [*marks(104, 107), *marks(110, 117)])

    assert at.ordered is False
    assert step.back


def test_an_unreadable_price_is_no_stone_without_a_price() -> None:
    """Three anchors whose prices could not be read must not make every priced stone look cheaper than they are."""
    page: list[Mark] = [*marks(100, 107), ("x", None), ("y", None), ("z", None)]
    at = after(page, 40)

    assert Reader(band(planned=900), limit=10).read(at, marks(112, 122)).back


def test_the_floor_is_remembered_past_pages_without_prices() -> None:
    at = after(marks(100, 110), 40)
    unpriced: list[Mark] = [(f"u{place}", None) for place in range(30)]
    reader = Reader(band(planned=900), limit=10)

    at = reader.read(at, [*at.anchors, *unpriced[:7]])
    at = reader.read(at, unpriced[4:14])
    step = reader.read(at, [("104", 104), *unpriced[20:29]])

    assert at.floor_cents == 109
    assert not step.back


def test_anchors_pushed_far_behind_are_reached_by_going_forward() -> None:
    at = after(marks(100, 110), 40)

    step = Reader(band(planned=900), limit=10).read(at, marks(60, 70))

    assert step.next_offset == 54
    assert step.anchors == at.anchors


@pytest.mark.parametrize("page", [[], marks(200, 204)])
def test_a_short_page_that_does_not_adjoin_is_not_the_end(page: list[Mark]) -> None:
    step = Reader(band(planned=900), limit=10).read(after(marks(100, 110), 40), page)

    assert not step.finished
    assert step.next_offset < 47


def test_a_short_page_that_adjoins_is_the_end() -> None:
    step = Reader(band(planned=900), limit=10).read(after(marks(100, 110), 40), marks(107, 111))

    assert step.finished


def test_unpriced_stones_alone_do_not_prove_that_they_are_the_first() -> None:
    reader = Reader(band(planned=20, first_offset=300), limit=10)
    page: list[Mark] = [(str(place), None) for place in range(10)]

    step = reader.read(reader.start(), page)

    assert step.next_offset == 295


@pytest.mark.parametrize(("limit", "overlap"), [(10, 0), (10, 10), (1, 1)])
def test_pages_overlap_in_part(limit: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="overlaps"):
        Reader(band(planned=1), limit=limit, overlap=overlap)
