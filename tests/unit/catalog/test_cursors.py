"""Cursors: they go round, and only in the order that they were made for."""

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.catalog import cursors
from inventory.catalog.search import CREATED, RETAIL_PRICE, SORTS, SortOrder, SortPosition

ORDERS = [SortOrder(sort, descending=descending) for sort in SORTS for descending in (False, True)]
INSTANTS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
LEVELS = [
    SortOrder(CREATED, descending=True, then=(SortOrder(RETAIL_PRICE),)),
    SortOrder(RETAIL_PRICE, then=(SortOrder(CREATED), SortOrder(SORTS[2], descending=True))),
]
WHOLE = st.integers(-(2**63), 2**63 - 1)
POSITIONS = st.builds(SortPosition, INSTANTS, st.uuids())


def test_no_two_sorts_share_a_code() -> None:
    assert len({sort.code for sort in SORTS}) == len(SORTS)
    assert all(0 < sort.code < 128 for sort in SORTS)


@given(order=st.sampled_from(ORDERS), position=POSITIONS)
def test_a_cursor_leads_back_to_its_position(order: SortOrder, position: SortPosition) -> None:
    assert cursors.decode(cursors.encode(position, order), order) == position


@given(order=st.sampled_from(LEVELS), values=st.lists(WHOLE, min_size=3, max_size=3), key=st.uuids())
def test_a_cursor_of_several_sorts_leads_back_to_its_position(order: SortOrder, values: list[int], key: UUID) -> None:
    position = SortPosition(values[0], key, tuple(values[1 : len(order.levels)]))
    text = cursors.encode(position, order)
    assert cursors.decode(text, order) == position
    for other in (*ORDERS, *LEVELS):
        if other != order:
            with pytest.raises(ValueError, match="is "):
                cursors.decode(text, other)


@given(made=st.sampled_from(ORDERS), used=st.sampled_from(ORDERS), position=POSITIONS)
def test_a_cursor_of_another_order_is_refused(made: SortOrder, used: SortOrder, position: SortPosition) -> None:
    if made != used:
        with pytest.raises(ValueError, match="another sort"):
            cursors.decode(cursors.encode(position, made), used)


@given(st.text())
def test_any_other_text_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match="is "):
        cursors.decode(text, SortOrder(RETAIL_PRICE))


def test_a_text_with_padding_inside_its_length_is_refused() -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        cursors.decode("A" * 34 + "=", SortOrder(RETAIL_PRICE))


@given(st.binary(min_size=26, max_size=26))
def test_any_other_bytes_are_refused_or_are_a_position(raw: bytes) -> None:
    text = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    try:
        position = cursors.decode(text, SortOrder(CREATED))
    except ValueError:
        return
    assert cursors.encode(position, SortOrder(CREATED)) == text


def test_an_instant_that_no_calendar_has_is_refused() -> None:
    for value in (2**63 - 1, -(2**63), 253_402_300_800_000_000):
        text = cursors.encode(SortPosition(value, UUID(int=0)), SortOrder(CREATED))
        with pytest.raises(ValueError, match="not a cursor"):
            cursors.decode(text, SortOrder(CREATED))


def test_a_cursor_of_another_version_is_refused() -> None:
    packed = bytearray(
        base64.urlsafe_b64decode(cursors.encode(SortPosition(1, UUID(int=1)), SortOrder(CREATED)) + "==")
    )
    packed[0] = 2
    with pytest.raises(ValueError, match="another version"):
        cursors.decode(base64.urlsafe_b64encode(bytes(packed)).rstrip(b"=").decode(), SortOrder(CREATED))
