"""Run schedule: next and last time at which a run is due."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

NIGHT = (time(2),)  # UTC


def next_nightly(now: datetime, times: Sequence[time] = NIGHT) -> datetime:
    """Return the first instant after `now` at which a run is due. `times`: of each day, in UTC."""
    now = now.astimezone(UTC)
    today = [datetime.combine(now.date(), at, UTC) for at in times]
    return min(at if now < at else at + timedelta(days=1) for at in today)


def last_due(now: datetime, times: Sequence[time] = NIGHT) -> datetime:
    """Return the last instant, up to and including `now`, at which a run was due."""
    now = now.astimezone(UTC)
    today = [datetime.combine(now.date(), at, UTC) for at in times]
    return max(at if at <= now else at - timedelta(days=1) for at in today)
