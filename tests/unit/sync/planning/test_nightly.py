"""Schedule of the nightly run."""

from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.runs.schedule import last_due, next_nightly
from sync.planning.nightly import CATCH_UP, NIGHT, in_time, may_try_again


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-23T02:00:00+00:00", "2026-11-23T02:00:00+00:00"),
        ("2026-11-23T01:59:59+00:00", "2026-11-22T02:00:00+00:00"),
        ("2026-11-23T23:00:00+00:00", "2026-11-23T02:00:00+00:00"),
        ("2026-11-23T03:30:00+02:00", "2026-11-22T02:00:00+00:00"),  # 01:30 UTC
    ],
)
def test_run_is_due_at_two_utc_in_any_time_zone(now: str, due: str) -> None:
    assert last_due(datetime.fromisoformat(now)) == datetime.fromisoformat(due)


@given(st.datetimes(min_value=datetime(2020, 1, 2), max_value=datetime(2100, 1, 1)), st.integers(-12, 12))  # noqa: DTZ001 - given a zone below
def test_last_due_instant_is_within_last_day(naive: datetime, hours: int) -> None:
    now = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert timedelta(0) <= now - last_due(now) < timedelta(days=1)


def test_several_times_of_day_are_due_in_turn() -> None:
    times = (time(6), time(18, 30))
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert last_due(noon, times) == datetime(2026, 11, 23, 6, tzinfo=UTC)
    assert next_nightly(noon, times) == datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
    assert last_due(noon.replace(hour=5), times) == datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
    assert in_time(noon.replace(hour=6, minute=59), times)
    assert not in_time(noon, times)


def test_run_may_start_late_for_one_hour() -> None:
    due = datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert in_time(due)
    assert in_time(due + CATCH_UP - timedelta(seconds=1))
    assert not in_time(due + CATCH_UP)
    assert not in_time(due - timedelta(seconds=1))


@pytest.mark.parametrize(("tries", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (50, 60)])
def test_failed_start_is_retried_with_doubling_delay(tries: int, minutes: int) -> None:
    last = datetime(2026, 11, 23, 2, 1, tzinfo=UTC)
    assert not may_try_again(last + timedelta(minutes=minutes, seconds=-1), tries, last)
    assert may_try_again(last + timedelta(minutes=minutes), tries, last)


def test_failed_start_is_not_retried_after_night() -> None:
    due = datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert may_try_again(due + NIGHT - timedelta(seconds=1), 1, due)
    assert not may_try_again(due + NIGHT, 1, due)
