"""Pagination of lists ordered by an instant, newest first."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.graphql.relay import PageInfo
from inventory.core.cursor_codec import CursorCodec
from inventory.core.errors import ValidationFailed

LARGEST_PAGE = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The instant in microseconds since 1970, the id.
_codec = CursorCodec("q16s")


def encode(instant: datetime, key: UUID) -> str:
    """Encode the cursor of a row."""
    return _codec.encode((instant - _EPOCH) // _MICROSECOND, key.bytes)


def decode(text: str) -> tuple[datetime, UUID]:
    """Decode the instant and the id of a cursor.

    Raises:
        ValueError: the text is not a cursor.
    """
    microseconds, key = _codec.decode(text)
    try:
        return _EPOCH + microseconds * _MICROSECOND, UUID(bytes=key)
    except OverflowError:
        raise ValueError("is not a cursor") from None


def read_window(first: int | None, after: str | None, default: int) -> tuple[int, tuple[datetime, UUID] | None]:
    """Read the size of a page and the position that it follows.

    Raises:
        ValidationFailed: names each invalid argument.
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
    """Create the page info of edges with these cursors."""
    return PageInfo(
        has_next_page=more,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )
