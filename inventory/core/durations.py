"""Durations and instants as text for operators."""

from datetime import UTC, datetime, timedelta

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_SECONDS_SHOWN_BELOW = 10 * _MINUTE


def duration_text(length: timedelta) -> str:
    """Return a duration in the two largest units that matter: `2 s`, `4 min 05 s`, `12 min`, `3 h 07 min`, `2 d 4 h`."""
    seconds = max(round(length.total_seconds()), 0)
    if seconds < 1:
        return "less than 1 s"
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _SECONDS_SHOWN_BELOW:
        return f"{seconds // _MINUTE} min {seconds % _MINUTE:02} s"
    # The unit that follows is decided after rounding: 59 min 40 s is 1 h 00 min.
    minutes = round(seconds / _MINUTE)
    if minutes < _HOUR // _MINUTE:
        return f"{minutes} min"
    if minutes < _DAY // _MINUTE:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(minutes / 60)
    return f"{hours // 24} d {hours % 24} h"


def instant_text(instant: datetime | None) -> str:
    """Return an instant in UTC to the second, without the zone; empty for None."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if instant else ""
