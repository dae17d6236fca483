"""Time window of a run."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.core.errors import WatermarkInFuture
from sync.planning.window import ChangeWindow, Watermark, decide

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
OVERLAP = timedelta(minutes=15)
WEEK = timedelta(days=7)

durations = st.timedeltas(timedelta(0), timedelta(days=30))


def mark(instant: datetime) -> Watermark:
    return Watermark(last_updated_at=instant, last_run_id="1f0c", last_run_completed_at=instant)


def decided(
    watermark: datetime | None = NOW - timedelta(days=1),
    last_full: datetime | None = NOW - timedelta(days=2),
    *,
    full: bool = False,
    overlap: timedelta = OVERLAP,
) -> ChangeWindow:
    stored = mark(watermark) if watermark else None
    return decide(NOW, stored, last_full, full=full, full_every=WEEK, overlap=overlap)


@given(age=durations, overlap=durations)
def test_incremental_window_is_watermark_minus_overlap_to_now(age: timedelta, overlap: timedelta) -> None:
    window = decided(NOW - age, overlap=overlap)

    assert window.run_type == "incremental"
    assert window.updated_from == NOW - age - overlap
    assert window.updated_to == NOW


@given(first=durations, then=durations, overlap=durations)
def test_consecutive_windows_have_no_gap(first: timedelta, then: timedelta, overlap: timedelta) -> None:
    earlier = decided(NOW - first, overlap=overlap)
    later = decide(NOW + then, mark(earlier.updated_to), NOW + then, full=False, full_every=WEEK, overlap=overlap)

    assert later.updated_from is not None
    assert later.updated_from <= earlier.updated_to


@pytest.mark.parametrize(
    ("window", "reason"),
    [
        (lambda: decided(full=True), "requested"),
        (lambda: decided(watermark=None), "no watermark"),
        (lambda: decided(last_full=None), "no full run"),
        (lambda: decided(last_full=NOW - WEEK), "last full run completed 2026-02-22"),
    ],
)
def test_full_run_has_no_filter_and_states_reason(window: object, reason: str) -> None:
    assert callable(window)
    result: ChangeWindow = window()

    assert (result.run_type, result.updated_from, result.updated_to) == ("full", None, NOW)
    assert reason in result.reason


def test_full_run_is_due_on_day_when_last_one_began_later_in_night() -> None:
    assert decided(last_full=NOW - WEEK + timedelta(minutes=59)).run_type == "full"
    assert decided(last_full=NOW - WEEK + timedelta(hours=1, microseconds=1)).run_type == "incremental"


@given(ahead=st.timedeltas(timedelta(0), timedelta(minutes=5)))
def test_watermark_slightly_ahead_counts_as_now(ahead: timedelta) -> None:
    assert decided(NOW + ahead).updated_from == NOW - OVERLAP


@given(ahead=st.timedeltas(timedelta(minutes=5, microseconds=1), timedelta(days=900)), full=st.booleans())
def test_watermark_in_future_is_error(ahead: timedelta, full: bool) -> None:
    with pytest.raises(WatermarkInFuture, match="lies in the future"):
        decided(NOW + ahead, full=full)


def test_time_zones_are_converted() -> None:
    there = timezone(timedelta(hours=9))

    assert decided((NOW - timedelta(hours=1)).astimezone(there)).updated_from == NOW - timedelta(hours=1) - OVERLAP


@pytest.mark.parametrize("which", ["now", "watermark", "last_full"])
def test_instant_without_time_zone_is_rejected(which: str) -> None:
    given_ = {name: NOW.replace(tzinfo=None) if name == which else NOW for name in ("now", "watermark", "last_full")}

    with pytest.raises(ValueError, match="has no time zone"):
        decide(
            given_["now"],
            mark(given_["watermark"]),
            given_["last_full"],
            full=False,
            full_every=WEEK,
            overlap=OVERLAP,
        )


def test_negative_overlap_is_rejected() -> None:
    with pytest.raises(ValueError, match="not negative"):
        decided(overlap=-OVERLAP)


def test_watermark_is_camel_case_json_and_ignores_unknown_fields() -> None:
    stored = b'{"lastUpdatedAt":"2026-03-01T02:00:00Z","lastRunId":"1f0c","later":[1]}'

    watermark = msgspec.json.decode(stored, type=Watermark)

    assert watermark == Watermark(last_updated_at=NOW, last_run_id="1f0c")
    assert msgspec.json.encode(watermark) == stored.replace(b',"later":[1]', b"")


def test_stored_watermark_without_time_zone_is_rejected() -> None:
    with pytest.raises(msgspec.ValidationError, match="timezone"):
        msgspec.json.decode(b'{"lastUpdatedAt":"2026-03-01T02:00:00","lastRunId":"1f0c"}', type=Watermark)
