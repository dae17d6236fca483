"""Writing what was read: a page of observed stones into the raw table, with the checkpoint of its reader."""

import time
from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.catalog.stone import Stone, diamond_id
from app.core.database import Connection
from app.core.errors import LeaseLost
from app.suppliers.ports import Observed, Page
from sync.domain.reader import Checkpoint
from sync.statements import OBSERVED, sql

SUPPLIER = "nivoda"
_FIELDS = Stone.__struct_fields__[1:]  # all but the key
_NOTHING = (None,) * len(_FIELDS)
_JSON = tuple(_FIELDS.index(name) for name in ("measurements", "attributes"))


async def stage(
    connection: Connection,
    page: Page,
    *,
    feed: str,
    run_id: UUID,
    partition_id: UUID | None,
    checkpoint: Checkpoint | None,
    lease_token: UUID,
    lease_seconds: float,
) -> int:
    """Write a page and its checkpoint, all or nothing; answers how many payloads were new or had changed.

    `partition_id` is None for the consolidator, which has no checkpoint.

    Raises:
        LeaseLost: someone else has the partition (or the run) by now; nothing was written.
    """
    stones = _distinct(page.items)
    row = await connection.fetchrow(
        sql.stage_page,
        partition_id,
        lease_token,
        run_id,
        feed,
        time.monotonic() - page.received,
        lease_seconds,
        checkpoint,
        len(page.items),
        *columns(stones),
    )
    if row is None or not row["holders"]:
        raise LeaseLost
    return int(row["staged"])


def _distinct(items: Sequence[Observed]) -> list[Observed]:
    """One item per stone, the last one: a statement writes a row only once."""
    return list({item.supplier_stone_id: item for item in items}.values())


def columns(items: Sequence[Observed]) -> list[list[object]]:
    """Items column by column, in the order of `OBSERVED`."""
    rows = [
        (
            item.supplier_stone_id,
            item.payload.decode(),
            item.queried_lab_grown,
            item.payload_hash,
            item.problem,
            diamond_id(SUPPLIER, item.supplier_stone_id),
            item.canonical_hash,
            *(_values(item.stone) if item.stone else _NOTHING),
        )
        for item in items
    ]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in OBSERVED]


def _values(stone: Stone) -> list[object]:
    values: list[object] = list(msgspec.structs.astuple(stone)[1:])
    for position in _JSON:
        values[position] = bytes(values[position]).decode()  # type: ignore[call-overload]
    return values
