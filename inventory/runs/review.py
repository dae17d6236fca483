"""Review of a stopped run: supplier items in quarantine, and diamonds that a run would delete."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from inventory.core.database import Connection, Database
from inventory.runs.models import Run
from inventory.runs.statements import sql

_MAX_GROUPS = 100
# The supplier whose items `raw_diamonds_nivoda` holds.
_SUPPLIER = "nivoda"


class RawItem(msgspec.Struct, frozen=True):
    """A supplier item as it was received. `payload`: JSON text."""

    supplier_stone_id: str
    payload: str
    observed_at: datetime
    problem: str | None = None


class QuarantineGroup(msgspec.Struct, frozen=True):
    """Items in quarantine for one problem (`field: what is wrong`), with up to three examples."""

    problem: str
    items: int
    examples: Sequence[RawItem]


class MissingDiamond(msgspec.Struct, frozen=True):
    """An active diamond that a run did not see."""

    id: UUID
    supplier_stone_id: str
    shape: str
    carat_milli: int
    retail_price_cents: int


async def quarantine_groups(connection: Connection, run_id: UUID | None) -> Sequence[QuarantineGroup]:
    """Read the problems of the items that a run saw, or of all items in quarantine, the most frequent first, at most 100."""
    groups = await connection.fetch(sql.quarantine_groups, run_id, _MAX_GROUPS)
    example_ids = [stone_id for group in groups for stone_id in group["example_ids"]]
    items = {row["supplier_stone_id"]: RawItem(**row) for row in await connection.fetch(sql.raw_items, example_ids)}
    return [
        QuarantineGroup(
            problem=group["problem"],
            items=group["items"],
            examples=[items[one] for one in group["example_ids"] if one in items],
        )
        for group in groups
    ]


async def count_missing(connection: Connection, run: Run) -> int:
    """Count the active diamonds that a full run did not see; 0 for an incremental run, which deletes nothing."""
    if run.run_type != "full":
        return 0
    count: int = await connection.fetchval(sql.count_missing_diamonds, run.feed, _SUPPLIER, run.id, run.window_to)
    return count


async def missing_diamonds(connection: Connection, run: Run, after: str, limit: int) -> Sequence[MissingDiamond]:
    """Read active diamonds that a full run did not see, by the supplier's id after `after`.

    The consolidation asks the supplier for each of them again, so it deletes these or fewer.
    """
    if run.run_type != "full":
        return []
    rows = await connection.fetch(sql.missing_diamonds, run.feed, _SUPPLIER, run.id, run.window_to, after, limit)
    return [MissingDiamond(**row) for row in rows]


class RunReview:
    """Reads what a safety check of the consolidation is about. Every method raises `DatabaseUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def quarantine(self, run_id: UUID | None) -> Sequence[QuarantineGroup]:
        """See `quarantine_groups`."""
        async with self._database.bounded() as connection:
            return await quarantine_groups(connection, run_id)

    async def item(self, supplier_stone_id: str) -> RawItem | None:
        """Read the newest payload of a stone; None if there is none."""
        async with self._database.bounded() as connection:
            rows = await connection.fetch(sql.raw_items, [supplier_stone_id])
        return RawItem(**rows[0]) if rows else None

    async def count_missing(self, run: Run) -> int:
        """See `count_missing`."""
        async with self._database.bounded() as connection:
            return await count_missing(connection, run)

    async def missing(self, run: Run, after: str, limit: int) -> Sequence[MissingDiamond]:
        """See `missing_diamonds`."""
        async with self._database.bounded() as connection:
            return await missing_diamonds(connection, run, after, limit)
