"""Cursors of the event log: a position as opaque text, with the instant of its event.

A cursor is base64url of: version, position (64 bits), instant (64 bits, microseconds since 1970). The instant tells the
position from one of the same number in another history, which is what a database restored from a backup writes.
"""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from struct import Struct

import msgspec

from inventory.events.models import Event

_VERSION = 1
_LAYOUT = Struct(">Bqq")
_TEXT_LENGTH = len(base64.urlsafe_b64encode(bytes(_LAYOUT.size)).rstrip(b"="))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Cursor(msgspec.Struct, frozen=True):
    """A position, and when its event occurred (microseconds since 1970). Position 0 is before all events."""

    position: int
    instant: int

    @classmethod
    def of(cls, event: Event) -> "Cursor":
        """The cursor of an event: what comes after it is what comes after the cursor."""
        return cls(event.position, instant(event.occurred_at))


def instant(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def encode(cursor: Cursor) -> str:
    """A cursor as text."""
    packed = _LAYOUT.pack(_VERSION, cursor.position, cursor.instant)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def decode(text: str) -> Cursor:
    """What a cursor says.

    Raises:
        ValueError: this is no cursor of an event; the message says what is wrong.
    """
    if len(text) != _TEXT_LENGTH or "=" in text:
        raise ValueError("is not a cursor of an event")
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not a cursor of an event") from None
    version, position, moment = _LAYOUT.unpack(packed)
    if version != _VERSION:
        raise ValueError("is a cursor of another version; start again without it")
    if position < 0:
        raise ValueError("is not a cursor of an event")
    return Cursor(position, moment)
