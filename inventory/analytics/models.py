"""Statistics of the inventory, of runs and of consolidation."""

from datetime import datetime

import msgspec

from inventory.runs.models import Run


class StockFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of diamonds by status. The fields after `deleted` are parts of `active`."""

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


class TradingFigures(msgspec.Struct, frozen=True):
    """Numbers of holds and of sales, and the total price of the sales in US cents."""

    holds: int
    sales: int
    sales_cents: int


class FeedCompletion(msgspec.Struct, frozen=True):
    """Completion times of a feed: of the last completed run, and of the last completed full run."""

    at: datetime | None = None
    full_at: datetime | None = None


class ConsolidationBacklog(msgspec.Struct, frozen=True):
    """Consolidation progress of a run: `done` of the `stones` that it read."""

    run: Run
    stones: int
    done: int
