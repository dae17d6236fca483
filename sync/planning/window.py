"""Change window of a run: the whole feed, or the changes since the watermark with an overlap.

The window closes at an instant that is fixed before the first count. Only that instant becomes the next watermark, so
a change during the run belongs to the next window. Windows overlap, because the supplier's clock may differ from ours
and a change may become visible late.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec

from inventory.core.errors import WatermarkInFuture, WatermarkUnreadable

_SKEW = timedelta(minutes=5)
# A nightly run does not start at the same second every night. Without this margin the weekly full run slips by a day.
_EARLY = timedelta(hours=1)

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Watermark(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The instant up to which changes are in the inventory: the JSON of the watermark's blob, in camelCase.

    `last_updated_at`: the instant at which the window of the last complete run closed. Fields that this version does
    not know are ignored. `set_by` and `set_reason` exist only if an operator has set the watermark.
    """

    last_updated_at: Instant
    last_run_id: str
    last_run_completed_at: Instant | None = None
    set_by: str | None = None
    set_reason: str | None = None


def decode_watermark(content: bytes) -> Watermark:
    """Decode the content of a watermark's blob.

    Raises:
        WatermarkUnreadable: the content is not a watermark.
    """
    try:
        return msgspec.json.decode(content, type=Watermark)
    except msgspec.MsgspecError as error:
        raise WatermarkUnreadable(f"The watermark cannot be read: {error}") from error


class ChangeWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The changes from `updated_from` up to, not including, `updated_to`.

    A full run reads without a filter on changes: its `updated_from` is None and `updated_to` is only the next watermark.
    `reason` is a text for operators.
    """

    run_type: Literal["full", "incremental"]
    updated_from: datetime | None
    updated_to: datetime
    reason: str


def decide(
    now: datetime,
    watermark: Watermark | None,
    last_full_completed: datetime | None,
    *,
    full: bool,
    full_every: timedelta,
    overlap: timedelta,
    windows: bool = True,
    skew: timedelta = _SKEW,
) -> ChangeWindow:
    """Decide the window of a run that starts `now`. `windows`: whether the supplier can filter by the last change.

    The run is full if one of these holds: the operator requests it, the supplier cannot filter by the last change, no
    earlier run is known, or the last complete full run is `full_every` ago (or will be within the hour). A watermark up
    to `skew` ahead of `now` is a difference of clocks and counts as `now`.

    Raises:
        WatermarkInFuture: the watermark is further ahead; reading from there would skip changes.
        ValueError: an instant without a time zone, or a negative duration.
    """
    if min(overlap, skew, full_every) < timedelta(0):
        raise ValueError("overlap, skew and the time between full runs are not negative")
    now = _utc(now)
    mark = _utc(watermark.last_updated_at) if watermark else None
    last_full = _utc(last_full_completed) if last_full_completed else None
    if mark and mark - now > skew:
        raise WatermarkInFuture(
            f"the watermark {mark.isoformat()} lies in the future (now is {now.isoformat()}): a window from there "
            "would skip changes; check the clocks, then set the watermark back",
            details={"watermark": mark.isoformat(), "now": now.isoformat()},
        )
    if full:
        reason = "requested"
    elif not windows:
        reason = "the supplier's schema offers no filter by the last change"
    elif mark is None:
        reason = "there is no watermark"
    elif last_full is None:
        reason = "no full run has completed yet"
    elif now - last_full >= full_every - _EARLY:
        reason = f"the last full run completed {last_full.isoformat()}"
    else:
        reason = f"changes since {mark.isoformat()}"
        return ChangeWindow(
            run_type="incremental", updated_from=min(mark, now) - overlap, updated_to=now, reason=reason
        )
    return ChangeWindow(run_type="full", updated_from=None, updated_to=now, reason=reason)


def _utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
    return instant.astimezone(UTC)
