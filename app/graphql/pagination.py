"""Cursors of lists that go by an instant, newest first: the instant and the id as opaque text."""

import base64
import binascii
import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.graphql.relay import PageInfo
from inventory.core.errors import ValidationFailed

LARGEST_PAGE = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# A version, the instant in microseconds since 1970, the id.
_CURSOR = struct.Struct(">Bq16s")
_VERSION = 1


def encode(instant: datetime, key: UUID) -> str:
    """The cursor of a place."""
    packed = _CURSOR.pack(_VERSION, (instant - _EPOCH) // _MICROSECOND, key.bytes)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def decode(text: str) -> tuple[datetime, UUID]:
    """The place of a cursor.

    Raises:
        ValueError: this is none.
    """
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, microseconds, key = _CURSOR.unpack(packed)
        place = _EPOCH + microseconds * _MICROSECOND, UUID(bytes=key)
    except (binascii.Error, ValueError, OverflowError, struct.error):
        raise ValueError("is not a cursor") from None
    if version != _VERSION:
        raise ValueError("is a cursor of another version; start again without it")
    return place


def read_window(first: int | None, after: str | None, default: int) -> tuple[int, tuple[datetime, UUID] | None]:
    """How many, and after which place.

    Raises:
        ValidationFailed: names each argument that is wrong.
    """
    problems = {}
    if first is not None and not 0 <= first <= LARGEST_PAGE:
        problems["first"] = f"should be between 0 and {LARGEST_PAGE}"
    place = None
    if after is not None:
        try:
            place = decode(after)
        except ValueError as error:
            problems["after"] = str(error)
    if problems:
        raise ValidationFailed(problems)
    return default if first is None else first, place


def page_info(cursors: list[str], *, more: bool, after: object) -> PageInfo:
    """Where a page lies whose edges have these cursors."""
    return PageInfo(
        has_next_page=more,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )
