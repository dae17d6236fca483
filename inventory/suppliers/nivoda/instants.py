"""Parser of instants in the supplier's answers: seconds or milliseconds since 1970, or a text."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
# Seconds of the years 2001 to 5138, and the same instants in milliseconds: the two ranges do not overlap.
_SECONDS = (10**9, 10**11)
_MILLISECONDS = (10**12, 10**14)


class InstantNotUnderstood(ValueError):
    """The value is not an instant."""


def read_instant(raw: msgspec.Raw) -> datetime | None:
    """Parse the instant of a JSON value. Returns None for null and for an empty text.

    A number is seconds or milliseconds since 1970; the unit follows from its magnitude. A text is such a number, an ISO 8601
    instant (UTC without an offset), or a date of RFC 2822.

    Raises:
        InstantNotUnderstood: the value has another form, or is before 2001 or after 5138.
    """
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InstantNotUnderstood("is no number and no text") from None
    if isinstance(value, str):
        value = value.strip()
        if _NUMBER.fullmatch(value):
            return _of_number(Decimal(value))
        return _of_text(value) if value else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InstantNotUnderstood("is no number and no text")
    return _of_number(Decimal(value))


def _of_number(number: Decimal) -> datetime:
    if _SECONDS[0] <= number < _SECONDS[1]:
        return _EPOCH + timedelta(microseconds=round(number * 1_000_000))
    if _MILLISECONDS[0] <= number < _MILLISECONDS[1]:
        return _EPOCH + timedelta(microseconds=round(number * 1000))
    raise InstantNotUnderstood("is a number that is neither seconds nor milliseconds since 1970")


def _of_text(text: str) -> datetime:
    try:
        instant = _parsed(text)
        instant = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InstantNotUnderstood("is no date and time") from None
    if not _SECONDS[0] <= (instant - _EPOCH).total_seconds() < _SECONDS[1]:
        raise InstantNotUnderstood("is a date before 2001 or after 5138")
    return instant


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)
