"""When the nightly run is due, until when it is caught up with, and from when on it counts as missed."""

from datetime import UTC, datetime, timedelta

HOUR = 2  # UTC
CATCH_UP = timedelta(hours=1)


def last_due(now: datetime) -> datetime:
    """The last instant, up to and including `now`, at which a nightly run was due."""
    now = now.astimezone(UTC)
    today = now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def in_time(now: datetime) -> bool:
    """Whether the nightly run may still start now. Later than that, someone is told instead."""
    return now - last_due(now) < CATCH_UP
