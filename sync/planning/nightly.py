"""Schedule of the nightly run: its due time, the catch-up period, and the retries of a run that could not be planned."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from inventory.runs.schedule import NIGHT as NIGHTLY
from inventory.runs.schedule import last_due

CATCH_UP = timedelta(hours=1)
NIGHT = timedelta(hours=4)
_FIRST_PAUSE = timedelta(minutes=5)
_MAX_PAUSE = timedelta(hours=1)


def in_time(now: datetime, times: Sequence[time] = NIGHTLY) -> bool:
    """Whether the scheduled run may still start now. Later than that, an alert is sent instead."""
    return now - last_due(now, times) < CATCH_UP


def may_try_again(now: datetime, tries: int, last_try: datetime, times: Sequence[time] = NIGHTLY) -> bool:
    """Whether a nightly run that could not be planned `tries` times may be retried, with growing pauses, for four hours."""
    pause = min(_FIRST_PAUSE * 2 ** min(tries - 1, 10), _MAX_PAUSE)
    return now - last_due(now, times) < NIGHT and now - last_try >= pause
