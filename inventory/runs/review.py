"""Review of a stopped run: supplier items in quarantine, and diamonds that a run would delete."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from inventory.core.database import Connection, Database
from inventory.runs.models import Run
from inventory.runs.statements import sql

_MAX_GROUPS = 100


class RawItem(msgspec.Struct, frozen=True):
    """A supplier item as it was received. `payload`: JSON text."""

    feed: str
    supplier_stone_id: str
    payload: str
    observed_at: datetime
    problem: str | None = None


class QuarantineGroup(msgspec.Struct, frozen=True):
    """Items in quarantine with the same problem (`field: description`), with up to three examples."""

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


async def quarantine_groups(
    connection: Connection, run_id: UUID | None, feed: str | None = None
) -> Sequence[QuarantineGroup]:
    """Read the problems of the items that a run saw, or of all items in quarantine, the most frequent first, at most 100.

    `feed`: None for the items of every feed.
    """
    groups = await connection.fetch(sql.quarantine_groups, run_id, _MAX_GROUPS, feed)
    keys = [list(zip(group["example_feeds"], group["example_ids"], strict=True)) for group in groups]
    item_keys = [key for group_keys in keys for key in group_keys]
    rows = await connection.fetch(sql.raw_items, [key[0] for key in item_keys], [key[1] for key in item_keys])
    items = {(row["feed"], row["supplier_stone_id"]): RawItem(**row) for row in rows}
    return [
        QuarantineGroup(
            problem=group["problem"],
            items=group["items"],
            examples=[items[key] for key in group_keys if key in items],
        )
        for group, group_keys in zip(groups, keys, strict=True)
    ]


async def count_missing(connection: Connection, run: Run) -> int:
    """Count the active diamonds that a full run did not see; 0 for an incremental run, which deletes nothing."""
    if run.run_type != "full":
        return 0
    count: int = await connection.fetchval(sql.count_missing_diamonds, run.feed, run.id, run.window_to)
    return count


async def missing_diamonds(connection: Connection, run: Run, after: str, limit: int) -> Sequence[MissingDiamond]:
    """Read active diamonds that a full run did not see, by the supplier's id after `after`.

    The consolidation queries the supplier for each of them again, so it deletes at most these.
    """
    if run.run_type != "full":
        return []
    rows = await connection.fetch(sql.missing_diamonds, run.feed, run.id, run.window_to, after, limit)
    return [MissingDiamond(**row) for row in rows]


class RunReview:
    """Reads the items and diamonds of a safety check. Methods raise `DatabaseUnavailable` if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def quarantine(self, run_id: UUID | None, feed: str | None = None) -> Sequence[QuarantineGroup]:
        """See `quarantine_groups`."""
        async with self._database.bounded() as connection:
            return await quarantine_groups(connection, run_id, feed)

    async def item(self, feed: str, supplier_stone_id: str) -> RawItem | None:
        """Read the newest payload of a stone. Returns None if there is no payload."""
        async with self._database.bounded() as connection:
            rows = await connection.fetch(sql.raw_items, [feed], [supplier_stone_id])
        return RawItem(**rows[0]) if rows else None

    async def count_missing(self, run: Run) -> int:
        """See `count_missing`."""
        async with self._database.bounded() as connection:
            return await count_missing(connection, run)

    async def missing(self, run: Run, after: str, limit: int) -> Sequence[MissingDiamond]:
        """See `missing_diamonds`."""
        async with self._database.bounded() as connection:
            return await missing_diamonds(connection, run, after, limit)
