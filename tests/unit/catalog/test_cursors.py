"""Search cursors: round trip, and rejection for another sort order."""

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


def test_sort_codes_are_unique() -> None:
    assert len({sort.code for sort in SORTS}) == len(SORTS)
    assert all(0 < sort.code < 128 for sort in SORTS)


@given(order=st.sampled_from(ORDERS), position=POSITIONS)
def test_cursor_decodes_to_encoded_position(order: SortOrder, position: SortPosition) -> None:
    assert cursors.decode(cursors.encode(position, order), order) == position


@given(order=st.sampled_from(LEVELS), values=st.lists(WHOLE, min_size=3, max_size=3), key=st.uuids())
def test_cursor_of_several_sorts_decodes_to_encoded_position(order: SortOrder, values: list[int], key: UUID) -> None:
    position = SortPosition(values[0], key, tuple(values[1 : len(order.levels)]))
    text = cursors.encode(position, order)
    assert cursors.decode(text, order) == position
    for other in (*ORDERS, *LEVELS):
        if other != order:
            with pytest.raises(ValueError, match="is "):
                cursors.decode(text, other)


@given(made=st.sampled_from(ORDERS), used=st.sampled_from(ORDERS), position=POSITIONS)
def test_cursor_of_another_sort_order_is_rejected(made: SortOrder, used: SortOrder, position: SortPosition) -> None:
    if made != used:
        with pytest.raises(ValueError, match="another sort"):
            cursors.decode(cursors.encode(position, made), used)


@given(st.text())
def test_random_text_is_rejected_with_reason(text: str) -> None:
    with pytest.raises(ValueError, match="is "):
        cursors.decode(text, SortOrder(RETAIL_PRICE))


def test_padding_inside_length_is_rejected() -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        cursors.decode("A" * 34 + "=", SortOrder(RETAIL_PRICE))


@given(st.binary(min_size=26, max_size=26))
def test_random_bytes_are_rejected_or_position(raw: bytes) -> None:
    text = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    try:
        position = cursors.decode(text, SortOrder(CREATED))
    except ValueError:
        return
    assert cursors.encode(position, SortOrder(CREATED)) == text


def test_instant_outside_calendar_is_rejected() -> None:
    for value in (2**63 - 1, -(2**63), 253_402_300_800_000_000):
        text = cursors.encode(SortPosition(value, UUID(int=0)), SortOrder(CREATED))
        with pytest.raises(ValueError, match="not a cursor"):
            cursors.decode(text, SortOrder(CREATED))


def test_cursor_of_another_version_is_rejected() -> None:
    packed = bytearray(
        base64.urlsafe_b64decode(cursors.encode(SortPosition(1, UUID(int=1)), SortOrder(CREATED)) + "==")
    )
    packed[0] = 2
    with pytest.raises(ValueError, match="another version"):
        cursors.decode(base64.urlsafe_b64encode(bytes(packed)).rstrip(b"=").decode(), SortOrder(CREATED))
