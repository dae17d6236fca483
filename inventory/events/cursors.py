"""Cursors of the event log: a position and the instant of its event.

The instant distinguishes positions of different histories: a database restored from a backup assigns the same numbers again.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from inventory.core.cursor_codec import CursorCodec
from inventory.events.models import Event

# Position (64 bits), instant (64 bits, microseconds since 1970).
_codec = CursorCodec("qq")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Cursor(msgspec.Struct, frozen=True):
    """A position, and when its event occurred (microseconds since 1970). Position 0 precedes all events."""

    position: int
    instant: int

    @classmethod
    def of(cls, event: Event) -> "Cursor":
        """Return the cursor of an event."""
        return cls(event.position, instant(event.occurred_at))


def instant(moment: datetime) -> int:
    """Return the exact microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def encode(cursor: Cursor) -> str:
    """Encode a cursor as text."""
    return _codec.encode(cursor.position, cursor.instant)


def decode(text: str) -> Cursor:
    """Decode a cursor.

    Raises:
        ValueError: the text is not a cursor of an event; the message says what is wrong.
    """
    position, moment = _codec.decode(text)
    if position < 0:
        raise ValueError("is not a cursor")
    return Cursor(position, moment)
