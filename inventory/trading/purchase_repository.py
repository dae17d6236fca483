"""SQL of purchase rows. Every write needs the diamond's lock, in the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import asyncpg
import msgspec

from inventory.core.database import Connection
from inventory.trading.models import Purchase
from inventory.trading.price_check import PriceAccepted
from inventory.trading.statements import sql
from inventory.trading.states import PurchaseState, purchases_before


async def purchase(connection: Connection, purchase_id: UUID) -> Purchase | None:
    """Read a purchase."""
    return _purchase(await connection.fetchrow(sql.purchase, purchase_id))


async def purchases(connection: Connection, ids: Collection[UUID]) -> Mapping[UUID, Purchase]:
    """Read purchases by id. Unknown ids are left out."""
    return {row["id"]: purchase_of(row) for row in await connection.fetch(sql.purchases_by_id, list(ids))}


async def purchase_by_key(connection: Connection, client_id: str, key: str) -> Purchase | None:
    """Read the purchase of a client by its idempotency key."""
    return _purchase(await connection.fetchrow(sql.purchase_by_key, client_id, key))


async def open_purchase(connection: Connection, diamond_id: UUID) -> Purchase | None:
    """Read the purchase of a diamond whose outcome is open: pending or unknown."""
    return _purchase(await connection.fetchrow(sql.open_purchase, diamond_id))


async def add_purchase(connection: Connection, *values: object) -> Purchase:
    """Insert a pending purchase. `values`: parameters of the statement, in order.

    Raises:
        asyncpg.UniqueViolationError: the key is used, or the diamond has an open purchase.
    """
    row = await connection.fetchrow(sql.add_purchase, *values)
    assert row is not None  # noqa: S101 - an INSERT without a condition
    return purchase_of(row)


async def mark_purchase_sent(connection: Connection, purchase_id: UUID, accepted: PriceAccepted) -> bool:
    """Record that the order is sent now. Returns False if it was sent or ended before."""
    marked = await connection.fetchval(
        sql.mark_purchase_sent,
        purchase_id,
        accepted.offer_id,
        accepted.supplier_price_cents,
        accepted.price_difference_cents,
        accepted.order_item_id,
        accepted.compared,
    )
    return marked is not None


async def quoted_price(connection: Connection, diamond_id: UUID, client_id: str) -> int | None:
    """Read the price (US cents) that the client's last rejected purchase of the diamond named, if the price had changed."""
    cents: int | None = await connection.fetchval(sql.quoted_price, diamond_id, client_id)
    return cents


async def claim_unknown_purchase(connection: Connection) -> Purchase | None:
    """Claim the next purchase of unknown outcome for its examination at the supplier."""
    return _purchase(await connection.fetchrow(sql.claim_unknown_purchase))


async def record_examination(connection: Connection, purchase_id: UUID, order_item_id: str | None) -> Purchase | None:
    """Record an examination and the order item that it found. Returns None if the outcome is known already."""
    return _purchase(await connection.fetchrow(sql.record_examination, purchase_id, order_item_id))


async def order_purchase(
    connection: Connection,
    purchase_id: UUID,
    order_id: str | None,
    *,
    resolved_by: str | None = None,
    resolution: str | None = None,
) -> Purchase | None:
    """Record that the supplier accepted the order. Returns None if the state does not allow that."""
    before = purchases_before(PurchaseState.ORDERED)
    return _purchase(
        await connection.fetchrow(sql.order_purchase, purchase_id, order_id, resolved_by, resolution, before)
    )


async def answer_purchase(
    connection: Connection,
    purchase_id: UUID,
    answer: PurchaseState,
    who: str,
    reason: str,
    order_id: str | None = None,
    *,
    return_granted: bool | None = None,
) -> Purchase | None:
    """Record the supplier's confirmation or decline. Returns None if the state does not allow that."""
    before = purchases_before(answer)
    return _purchase(
        await connection.fetchrow(
            sql.answer_purchase, purchase_id, answer.value, who, reason, order_id, before, return_granted
        )
    )


async def fail_purchase(
    connection: Connection,
    purchase_id: UUID,
    code: str,
    failure: str,
    *,
    resolved_by: str | None = None,
    resolution: str | None = None,
    current_price_cents: int | None = None,
) -> Purchase | None:
    """Record that no order was placed. Returns None if the state does not allow that."""
    before = purchases_before(PurchaseState.FAILED)
    row = await connection.fetchrow(
        sql.fail_purchase, purchase_id, code, failure, resolved_by, resolution, before, current_price_cents
    )
    return _purchase(row)


async def mark_purchase_unknown(connection: Connection, purchase_id: UUID) -> Purchase | None:
    """Record that the outcome is unknown. Returns None if the state does not allow that."""
    before = purchases_before(PurchaseState.UNKNOWN)
    return _purchase(await connection.fetchrow(sql.mark_purchase_unknown, purchase_id, before))


async def abandoned_purchases(connection: Connection, seconds: float, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """Find purchases that have been pending for longer than `seconds`: ids of the purchase and its diamond."""
    rows = await connection.fetch(sql.abandoned_purchases, seconds, limit)
    return [(row["id"], row["diamond_id"]) for row in rows]


async def claim_unanswered_purchases(connection: Connection, seconds: float, limit: int) -> Sequence[Purchase]:
    """Claim the orders accepted `seconds` ago or earlier without a recorded answer. Each is returned once, to one caller."""
    rows = await connection.fetch(sql.claim_unanswered_purchases, seconds, limit)
    return sorted((purchase_of(row) for row in rows), key=lambda purchase: purchase.ordered_at or purchase.requested_at)


async def declined_and_synced(connection: Connection, feed: str, limit: int) -> Sequence[tuple[UUID, UUID, UUID]]:
    """Find declined orders whose diamond a completed run has read since: ids of the purchase, the diamond and the run."""
    rows = await connection.fetch(sql.declined_and_synced, feed, limit)
    return [(row["id"], row["diamond_id"], row["run_id"]) for row in rows]


async def release_declined(connection: Connection, purchase_id: UUID, failure_code: str) -> bool:
    """Return the diamond of a declined order to the sync. Returns False if that was done before."""
    return await connection.fetchval(sql.release_declined, purchase_id, failure_code) is not None


def purchase_of(row: asyncpg.Record) -> Purchase:
    """Convert a row of `purchase_columns`."""
    return msgspec.convert(dict(row), Purchase)


def _purchase(row: asyncpg.Record | None) -> Purchase | None:
    return purchase_of(row) if row else None
