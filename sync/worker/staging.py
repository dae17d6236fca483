"""Page staging: write the observed stones of a page to the raw table, with the checkpoint of its reader."""

import time
from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID

import msgspec

from inventory.catalog.stone import Stone, diamond_id
from inventory.core.database import Connection
from inventory.core.errors import LeaseLost
from inventory.suppliers.ports import FeedPage, ObservedItem
from sync.planning.checkpoint import Checkpoint
from sync.planning.file_plan import PartCheckpoint
from sync.planning.listing import Listing
from sync.runs.statements import OBSERVED, sql

_FIELDS = Stone.__struct_fields__[1:]  # all but the key
_NOTHING = (None,) * len(_FIELDS)
_JSON = tuple(_FIELDS.index(name) for name in ("measurements", "attributes"))


async def stage(
    connection: Connection,
    page: FeedPage,
    *,
    feed: str,
    run_id: UUID,
    partition_id: UUID | None,
    checkpoint: Checkpoint | PartCheckpoint | None,
    lease_token: UUID,
    lease_seconds: float,
    reading: int = 0,
    kept: Sequence[ObservedItem] | None = None,
    listings: Sequence[Listing] | None = None,
) -> int:
    """Write a page and its checkpoint in one statement. Returns the number of payloads that were new or had changed.

    `partition_id` is None for the consolidator, which has no checkpoint. `reading`: number of the pass of the partition.
    `kept`: the items to write, None for all; every item counts as read. `listings`: of all items, if the caller has them.

    Raises:
        LeaseLost: another process has the lease of the partition (or the run); nothing was written.
    """
    stones = distinct(page.items if kept is None else kept)
    if listings is None:
        listings = [listing_of(item) for item in page.items]
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
        reading,
        [listing.offer for listing in listings],
        [listing.stone for listing in listings],
        [listing.price for listing in listings],
        [listing.carats for listing in listings],
        *columns(stones, feed),
    )
    if row is None or not row["holders"]:
        raise LeaseLost
    return int(row["staged"])


def distinct(items: Sequence[ObservedItem]) -> list[ObservedItem]:
    """Select one item per stone: a statement writes a row only once.

    Of two offers the cheaper one, then the one with the lower id; of two items of one offer the last one.
    """
    found: dict[str, ObservedItem] = {}
    for item in items:
        held = found.get(item.supplier_stone_id)
        if held is None or _offer(held) == _offer(item) or _rank(item) < _rank(held):
            found[item.supplier_stone_id] = item
    return list(found.values())


def listing_of(item: ObservedItem) -> Listing:
    """Convert an item to a listing of the reader. Ids are hashed: the proof only compares them."""
    return Listing(
        _key(f"{item.supplier_stone_id} {_offer(item)}"),
        _key(item.supplier_stone_id),
        item.price_cents,
        item.carat_milli,
    )


def _offer(item: ObservedItem) -> str:
    """The offer's id. An item that cannot be mapped has none; its key is its stone's id, as for most offers."""
    return (item.stone and item.stone.offer_id) or f"DIAMOND/{item.supplier_stone_id}"


def _rank(item: ObservedItem) -> tuple[bool, int, str]:
    cents = item.stone.supplier_price_cents if item.stone else None
    return cents is None, cents or 0, _offer(item)


def _key(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)


def columns(items: Sequence[ObservedItem], feed: str) -> list[list[object]]:
    """Transpose items of a feed to columns, in the order of `OBSERVED`."""
    rows = [
        (
            item.supplier_stone_id,
            item.payload.decode(),
            item.queried_lab_grown,
            item.payload_hash,
            item.problem,
            diamond_id(feed, item.supplier_stone_id),
            item.canonical_hash,
            *(_values(item.stone) if item.stone else _NOTHING),
        )
        for item in items
    ]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in OBSERVED]


def _values(stone: Stone) -> list[object]:
    values: list[object] = list(msgspec.structs.astuple(stone)[1:])
    for position in _JSON:
        values[position] = values[position].decode()  # type: ignore[attr-defined]
    return values
