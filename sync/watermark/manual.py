"""The watermark by hand: a person says up to where the feed counts as taken in."""

from datetime import datetime, timedelta

import msgspec

from inventory.core.clock import Clock
from inventory.core.errors import WatermarkInFuture
from inventory.core.logging import get_logger
from sync.planning.window import Watermark
from sync.ports import WatermarkStore

log = get_logger()

_NO_RUN = "none"


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A watermark that someone wants, and the one that it would replace, with its version."""

    watermark: Watermark
    present: Watermark | None
    version: str | None

    @property
    def skips(self) -> timedelta | None:
        """How much time is never asked for again if the watermark moves forward; None if it moves back."""
        if self.present is None or self.watermark.last_updated_at <= self.present.last_updated_at:
            return None
        return self.watermark.last_updated_at - self.present.last_updated_at


async def propose(store: WatermarkStore, instant: datetime, who: str, reason: str, clock: Clock) -> Proposal:
    """What setting the watermark would do. Unlike a run, a person may also move it back.

    Raises:
        WatermarkInFuture: `instant` lies ahead; a window from there would skip changes.
    """
    if instant > clock():
        raise WatermarkInFuture
    stored = await store.read()
    present, version = stored or (None, None)
    watermark = Watermark(
        last_updated_at=instant,
        last_run_id=present.last_run_id if present else _NO_RUN,
        last_run_completed_at=present.last_run_completed_at if present else None,
        set_by=who,
        set_reason=reason,
    )
    return Proposal(watermark=watermark, present=present, version=version)


async def apply(store: WatermarkStore, proposal: Proposal) -> None:
    """Set it, over exactly the one that was looked at.

    Raises:
        WatermarkConflict: it was moved in between; look again.
    """
    await store.write(proposal.watermark, proposal.version)
    log.warning(
        "watermark set by hand",
        watermark=proposal.watermark.last_updated_at.isoformat(),
        was=proposal.present.last_updated_at.isoformat() if proposal.present else None,
        who=proposal.watermark.set_by,
        reason=proposal.watermark.set_reason,
    )
