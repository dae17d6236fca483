"""Cursors of searches: a position, bound to its sort order. The highest bit of the sort code is the direction."""

from uuid import UUID

from inventory.catalog.search import SortOrder, SortPosition
from inventory.core.cursor_codec import CursorCodec

_DESCENDING = 0x80
# Sort code, value (64 bits), id.
_codec = CursorCodec("Bq16s")
# Microseconds from 1970 to the years 1 and 9999: the range of an instant in a cursor.
_INSTANTS = range(-62_135_596_800_000_000, 253_402_300_800_000_000)


def _code(order: SortOrder) -> int:
    return order.sort.code | (_DESCENDING if order.descending else 0)


def encode(position: SortPosition, order: SortOrder) -> str:
    """Encode a position."""
    return _codec.encode(_code(order), position.value, position.id.bytes)


def decode(text: str, order: SortOrder) -> SortPosition:
    """Decode a position.

    Raises:
        ValueError: the text is not a cursor, or a cursor of another sort order; the message says which.
    """
    code, value, diamond_id = _codec.decode(text)
    if code != _code(order):
        raise ValueError("is a cursor of another sort; start again without it")
    if order.sort.instant and value not in _INSTANTS:
        raise ValueError("is not a cursor")
    return SortPosition(value, UUID(bytes=diamond_id))
