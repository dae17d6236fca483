"""Time of the nightly run."""

from datetime import UTC, datetime, timedelta

NIGHTLY_HOUR = 2  # UTC


def next_nightly(now: datetime) -> datetime:
    """Return the first instant after `now` at which a nightly run is due."""
    now = now.astimezone(UTC)
    today = now.replace(hour=NIGHTLY_HOUR, minute=0, second=0, microsecond=0)
    return today if now < today else today + timedelta(days=1)
