"""Schedule of the nightly run: its due time, the catch-up period, and the retries of a run that could not be planned."""

from datetime import UTC, datetime, timedelta

from inventory.runs.schedule import NIGHTLY_HOUR

CATCH_UP = timedelta(hours=1)
NIGHT = timedelta(hours=4)
_FIRST_PAUSE = timedelta(minutes=5)
_MAX_PAUSE = timedelta(hours=1)


def last_due(now: datetime) -> datetime:
    """Return the last instant, up to and including `now`, at which a nightly run was due."""
    now = now.astimezone(UTC)
    today = now.replace(hour=NIGHTLY_HOUR, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def in_time(now: datetime) -> bool:
    """Whether the nightly run may still start now. Later than that, an alert is sent instead."""
    return now - last_due(now) < CATCH_UP


def may_try_again(now: datetime, tries: int, last_try: datetime) -> bool:
    """Whether a nightly run that could not be planned `tries` times may be retried, with growing pauses, for four hours."""
    pause = min(_FIRST_PAUSE * 2 ** min(tries - 1, 10), _MAX_PAUSE)
    return now - last_due(now) < NIGHT and now - last_try >= pause
