"""Search cursors: a position with its sort order. The highest bit of a sort code is the direction."""

from functools import cache
from uuid import UUID

from inventory.catalog.search import SortOrder, SortPosition
from inventory.core.cursor_codec import CursorCodec

_DESCENDING = 0x80
# Range of an instant in a cursor: the years 1 to 9999, in microseconds since 1970.
_INSTANTS = range(-62_135_596_800_000_000, 253_402_300_800_000_000)


@cache
def _codec(levels: int) -> CursorCodec:
    """Codec for the sort codes, their values (64 bits each) and the id."""
    return CursorCodec(f"{levels}B{levels}q16s")


def _codes(order: SortOrder) -> tuple[int, ...]:
    return tuple(level.sort.code | (_DESCENDING if level.descending else 0) for level in order.levels)


def encode(position: SortPosition, order: SortOrder) -> str:
    """Encode a position."""
    codes = _codes(order)
    return _codec(len(codes)).encode(*codes, *position.values, position.id.bytes)


def decode(text: str, order: SortOrder) -> SortPosition:
    """Decode a position.

    Raises:
        ValueError: the text is not a cursor, or is a cursor of another sort order (see the message).
    """
    codes = _codes(order)
    *found, diamond_id = _codec(len(codes)).decode(text)
    if tuple(found[: len(codes)]) != codes:
        raise ValueError("is a cursor of another sort; start again without it")
    value, *others = found[len(codes) :]
    if order.sort.instant and not order.then and value not in _INSTANTS:
        raise ValueError("is not a cursor")
    return SortPosition(value, UUID(bytes=diamond_id), tuple(others))
