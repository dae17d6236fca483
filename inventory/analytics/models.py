"""Figures about the inventory and about the runs that feed it."""

from datetime import datetime

import msgspec

from inventory.runs.models import Run


class StockFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Stones by what became of them; those below `deleted` are parts of `active`."""

    active: int = 0
    quarantined: int = 0
    deleted: int = 0
    available: int = 0
    on_hold: int = 0
    sold: int = 0
    unavailable: int = 0
    lab_grown: int = 0
    natural: int = 0
    changed_at: datetime | None = None

    def __add__(self, other: "StockFigures") -> "StockFigures":
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        changes = [change for change in (self.changed_at, other.changed_at) if change]
        return StockFigures(**counts, changed_at=max(changes, default=None))


_COUNTS = tuple(name for name in StockFigures.__struct_fields__ if name != "changed_at")


class FeedCompletion(msgspec.Struct, frozen=True):
    """When a feed was last read completely: by any run, and by a full one."""

    at: datetime | None = None
    full_at: datetime | None = None


class ConsolidationBacklog(msgspec.Struct, frozen=True):
    """A run and how much of it is in the inventory: `done` of the `stones` that it saw."""

    run: Run
    stones: int
    done: int
