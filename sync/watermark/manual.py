"""Manual watermark: an operator sets the instant up to which changes count as read."""

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
    """A proposed watermark, and the present one with its version."""

    watermark: Watermark
    present: Watermark | None
    version: str | None

    @property
    def skips(self) -> timedelta | None:
        """The period whose changes no run will read if the watermark moves forward; None if it moves back."""
        if self.present is None or self.watermark.last_updated_at <= self.present.last_updated_at:
            return None
        return self.watermark.last_updated_at - self.present.last_updated_at


async def propose(store: WatermarkStore, instant: datetime, who: str, reason: str, clock: Clock) -> Proposal:
    """Propose a watermark. Unlike a run, an operator may also move it back.

    Raises:
        WatermarkInFuture: `instant` is in the future; a window from there would skip changes.
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
    """Set the proposed watermark if the present one has not changed.

    Raises:
        WatermarkConflict: the watermark has changed since the proposal; propose it again.
    """
    await store.write(proposal.watermark, proposal.version)
    log.warning(
        "watermark_set",
        watermark=proposal.watermark.last_updated_at.isoformat(),
        previous=proposal.present.last_updated_at.isoformat() if proposal.present else None,
        who=proposal.watermark.set_by,
        reason=proposal.watermark.set_reason,
    )
