"""Cursors: a position as opaque text, bound to the order that it belongs to.

A cursor is base64url of: version, sort code with the direction in its highest bit, value (64 bits), id. A cursor of
another version, another order or another hand is refused; where it points is then never guessed.
"""

import base64
import binascii
from struct import Struct
from uuid import UUID

from inventory.catalog.search import SortOrder, SortPosition

_VERSION = 1
_DESCENDING = 0x80
_LAYOUT = Struct(">BBq16s")
_TEXT_LENGTH = len(base64.urlsafe_b64encode(bytes(_LAYOUT.size)).rstrip(b"="))
# Microseconds from 1970 to the years 1 and 9999: what an instant in a cursor may be.
_INSTANTS = range(-62_135_596_800_000_000, 253_402_300_800_000_000)


def _code(order: SortOrder) -> int:
    return order.sort.code | (_DESCENDING if order.descending else 0)


def encode(position: SortPosition, order: SortOrder) -> str:
    """The cursor of a position."""
    packed = _LAYOUT.pack(_VERSION, _code(order), position.value, position.id.bytes)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def decode(text: str, order: SortOrder) -> SortPosition:
    """The position of a cursor.

    Raises:
        ValueError: this is no cursor, or it belongs to another order; the message says which.
    """
    if len(text) != _TEXT_LENGTH or "=" in text:
        raise ValueError("is not a cursor")
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not a cursor") from None
    version, code, value, diamond_id = _LAYOUT.unpack(packed)
    if version != _VERSION:
        raise ValueError("is a cursor of another version; start again without it")
    if code != _code(order):
        raise ValueError("is a cursor of another sort; start again without it")
    if order.sort.instant and value not in _INSTANTS:
        raise ValueError("is not a cursor")
    return SortPosition(value, UUID(bytes=diamond_id))
