"""The rows of holds and purchases. Everything that writes wants the locks of `lock`, in the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from inventory.catalog.statements import AVAILABILITY
from inventory.core.database import Connection
from inventory.core.sql import Statements
from inventory.trading.models import Hold, Purchase, TradedStone
from inventory.trading.price_check import PriceAccepted
from inventory.trading.states import HoldState, PurchaseState, holds_before, purchases_before

# Between two statements of a transaction that holds locks nothing is waited for.
_IDLE_SECONDS = 10.0

_statements = Statements("inventory.trading")
_PURCHASE_STATE = _statements.part("purchase_state")
_PARTS = {
    "hold_columns": _statements.part("hold_columns"),
    "purchase_state": _PURCHASE_STATE,
    "purchase_columns": _statements.part("purchase_columns").format(purchase_state=_PURCHASE_STATE),
    "availability": AVAILABILITY,
}


class _Sql:
    """The statements with their common parts put in."""

    def __getattr__(self, name: str) -> str:
        text: str = getattr(_statements, name).format_map(_PARTS)
        setattr(self, name, text)
        return text


sql = _Sql()


class DueHold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold for which the job has something to do; `state` as it was written down."""

    id: UUID
    diamond_id: UUID
    supplier_stone_id: str
    state: HoldState
    supplier_hold_id: str | None
    supplier_until: datetime | None
    ended_at: datetime | None


async def lock(
    connection: Connection, diamond_id: UUID, client_id: str | None = None, *, idle_seconds: float = _IDLE_SECONDS
) -> None:
    """Be the only one who decides about a stone (and about how much a client may hold) until the transaction ends.

    `idle_seconds`: the database ends it where nothing is heard of it for so long.
    """
    idle = f"{idle_seconds * 1000:.0f}"
    if client_id is not None:
        await connection.execute(sql.lock_client, client_id, idle)
    await connection.execute(sql.lock_stone, diamond_id, idle)


async def stone(connection: Connection, diamond_id: UUID) -> TradedStone | None:
    row = await connection.fetchrow(sql.stone, diamond_id)
    return TradedStone(**row) if row else None


async def now(connection: Connection) -> datetime:
    """The instant, by the clock by which holds end."""
    instant: datetime = await connection.fetchval(sql.now)
    return instant


# Holds


async def hold(connection: Connection, hold_id: UUID) -> Hold | None:
    return _hold(await connection.fetchrow(sql.hold, hold_id))


async def holds(connection: Connection, ids: Collection[UUID]) -> Mapping[UUID, Hold]:
    return {row["id"]: hold_of(row) for row in await connection.fetch(sql.holds_by_id, list(ids))}


async def open_hold(connection: Connection, diamond_id: UUID) -> Hold | None:
    """The hold that keeps a stone from others now."""
    return _hold(await connection.fetchrow(sql.open_hold, diamond_id))


async def overdue_hold(connection: Connection, diamond_id: UUID) -> tuple[UUID, HoldState] | None:
    """The stone's hold that is over by time and not by its row."""
    row = await connection.fetchrow(sql.overdue_hold, diamond_id)
    return (row["id"], HoldState(row["state"])) if row else None


async def count_open_holds(connection: Connection, client_id: str) -> int:
    found: int = await connection.fetchval(sql.count_open_holds, client_id)
    return found


async def add_hold(
    connection: Connection,
    diamond_id: UUID,
    client_id: str,
    *,
    price_cents: int,
    supplier_price_cents: int,
    minutes: int,
    blocks_seconds: float,
    due_seconds: float,
) -> Hold:
    row = await connection.fetchrow(
        sql.add_hold, diamond_id, client_id, price_cents, minutes, blocks_seconds, due_seconds, supplier_price_cents
    )
    assert row is not None  # noqa: S101 - an INSERT without a condition
    return hold_of(row)


async def is_still_asked_for(connection: Connection, hold_id: UUID, due_seconds: float) -> bool:
    """Postpone a request that is not settled yet; false if it is."""
    return await connection.fetchval(sql.put_off_request, hold_id, due_seconds) is not None


async def activate_hold(
    connection: Connection, hold_id: UUID, supplier_hold_id: str, supplier_until: datetime | None
) -> Hold | None:
    """The hold, active; None if it can't become so any more."""
    before = holds_before(HoldState.ACTIVE)
    return _hold(await connection.fetchrow(sql.activate_hold, hold_id, supplier_hold_id, supplier_until, before))


async def end_hold(
    connection: Connection, hold_id: UUID, state: HoldState, *, reason: str | None = None, perhaps_granted: bool = False
) -> Hold | None:
    """The hold, ended as `state`; None if it can't end so any more.

    `perhaps_granted`: the supplier was asked, and it is unknown whether it holds the stone for this account.
    """
    return _hold(await connection.fetchrow(sql.end_hold, hold_id, state, reason, perhaps_granted, holds_before(state)))


async def extend_hold(connection: Connection, hold_id: UUID, until: datetime, wanted_until: datetime) -> Hold | None:
    """The hold with its new end; None if it is over, or ends later anyway."""
    return _hold(await connection.fetchrow(sql.extend_hold, hold_id, until, wanted_until))


async def note_supplier_until(connection: Connection, hold_id: UUID, until: datetime) -> Hold | None:
    """The hold with its new end at the supplier; None if it is not active."""
    return _hold(await connection.fetchrow(sql.note_supplier_until, hold_id, until))


async def any_supplier_hold(connection: Connection) -> bool:
    """Whether any hold is active that the supplier knows."""
    found: bool = await connection.fetchval(sql.any_supplier_hold)
    return found


async def moved_holds(
    connection: Connection, ends: Mapping[str, datetime], limit: int
) -> Sequence[tuple[UUID, UUID, datetime]]:
    """Active holds whose end at the supplier has moved: the hold, its stone and the new end.

    `ends`: by the supplier's id of the hold.
    """
    rows = await connection.fetch(sql.moved_holds, list(ends), list(ends.values()), limit)
    return [(row["id"], row["diamond_id"], row["until"]) for row in rows]


async def note_late_hold(
    connection: Connection, hold_id: UUID, supplier_hold_id: str, supplier_until: datetime | None
) -> None:
    await connection.execute(sql.note_late_hold, hold_id, supplier_hold_id, supplier_until)


async def unreleased_holds(connection: Connection, diamond_id: UUID) -> Sequence[Hold]:
    """Holds that are over here and that the supplier may still have."""
    return [hold_of(row) for row in await connection.fetch(sql.unreleased_holds, diamond_id)]


async def ended_by_itself(connection: Connection, hold_id: UUID) -> bool:
    """Whether the supplier's hold has certainly ended without us."""
    ended: bool = await connection.fetchval(sql.ended_by_itself, hold_id)
    return ended


async def nothing_due(connection: Connection, hold_id: UUID) -> None:
    await connection.execute(sql.nothing_due, hold_id)


async def nothing_due_for_stone(connection: Connection, diamond_id: UUID) -> None:
    await connection.execute(sql.nothing_due_for_stone, diamond_id)


async def knows_supplier_hold(connection: Connection, supplier_hold_id: str) -> bool:
    found: bool = await connection.fetchval(sql.known_supplier_hold, supplier_hold_id)
    return found


async def own_supplier_hold(connection: Connection, hold_id: UUID, supplier_hold_id: str) -> bool:
    """Write down that a hold which the supplier shows is this one; False if it is known as another."""
    return await connection.fetchval(sql.own_supplier_hold, hold_id, supplier_hold_id) is not None


async def is_being_asked_for(connection: Connection, diamond_id: UUID, except_for: UUID | None) -> bool:
    """Whether the supplier is, or may be, just asked for another hold of the stone."""
    found: bool = await connection.fetchval(sql.is_being_asked_for, diamond_id, except_for)
    return found


async def claim_due_hold(connection: Connection, *, with_supplier: bool) -> DueHold | None:
    """The next hold for which something is due; only what can be done `with_supplier`, or without."""
    row = await connection.fetchrow(sql.claim_due_hold, with_supplier)
    return msgspec.convert(dict(row), DueHold) if row else None


# Purchases


async def purchase(connection: Connection, purchase_id: UUID) -> Purchase | None:
    return _purchase(await connection.fetchrow(sql.purchase, purchase_id))


async def purchases(connection: Connection, ids: Collection[UUID]) -> Mapping[UUID, Purchase]:
    return {row["id"]: purchase_of(row) for row in await connection.fetch(sql.purchases_by_id, list(ids))}


async def purchase_by_key(connection: Connection, client_id: str, key: str) -> Purchase | None:
    return _purchase(await connection.fetchrow(sql.purchase_by_key, client_id, key))


async def open_purchase(connection: Connection, diamond_id: UUID) -> Purchase | None:
    """The stone's purchase that may still succeed."""
    return _purchase(await connection.fetchrow(sql.open_purchase, diamond_id))


async def add_purchase(connection: Connection, *values: object) -> Purchase:
    """A pending purchase. `values`: as the statement has them.

    Raises:
        asyncpg.UniqueViolationError: the key is used, or the stone is being bought.
    """
    row = await connection.fetchrow(sql.add_purchase, *values)
    assert row is not None  # noqa: S101 - an INSERT without a condition
    return purchase_of(row)


async def mark_purchase_sent(connection: Connection, purchase_id: UUID, cleared: PriceAccepted) -> bool:
    """Whether the order may go out: this once."""
    marked = await connection.fetchval(
        sql.mark_purchase_sent,
        purchase_id,
        cleared.offer_id,
        cleared.supplier_price_cents,
        cleared.price_difference_cents,
        cleared.order_item_id,
        cleared.compared,
    )
    return marked is not None


async def quoted_price(connection: Connection, diamond_id: UUID, client_id: str) -> int | None:
    """The price that the client's last refused purchase of the stone showed, if it had changed."""
    cents: int | None = await connection.fetchval(sql.quoted_price, diamond_id, client_id)
    return cents


async def claim_unknown(connection: Connection) -> Purchase | None:
    """The purchase of unknown outcome that is to be examined next."""
    return _purchase(await connection.fetchrow(sql.claim_unknown))


async def supplier_stone(connection: Connection, diamond_id: UUID) -> str:
    """The supplier's id of a stone."""
    stone_id: str = await connection.fetchval(sql.supplier_stone, diamond_id)
    return stone_id


async def note_examination(connection: Connection, purchase_id: UUID, order_item_id: str | None) -> Purchase | None:
    """The purchase with what was found; None if its outcome is known by now."""
    return _purchase(await connection.fetchrow(sql.note_examination, purchase_id, order_item_id))


async def order_purchase(
    connection: Connection,
    purchase_id: UUID,
    order_id: str | None,
    *,
    resolved_by: str | None = None,
    resolution: str | None = None,
) -> Purchase | None:
    """The purchase, ordered; None if its state does not allow that any more."""
    before = purchases_before(PurchaseState.ORDERED)
    return _purchase(
        await connection.fetchrow(sql.order_purchase, purchase_id, order_id, resolved_by, resolution, before)
    )


async def answer_purchase(
    connection: Connection, purchase_id: UUID, answer: PurchaseState, who: str, reason: str, order_id: str | None = None
) -> Purchase | None:
    """The purchase, confirmed or declined; None if its state does not allow that."""
    before = purchases_before(answer)
    return _purchase(
        await connection.fetchrow(sql.answer_purchase, purchase_id, answer.value, who, reason, order_id, before)
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
    """The purchase, failed; None if its state does not allow that."""
    before = purchases_before(PurchaseState.FAILED)
    row = await connection.fetchrow(
        sql.fail_purchase, purchase_id, code, failure, resolved_by, resolution, before, current_price_cents
    )
    return _purchase(row)


async def doubt_purchase(connection: Connection, purchase_id: UUID) -> Purchase | None:
    """The purchase, of unknown outcome; None if it can't become so any more."""
    before = purchases_before(PurchaseState.UNKNOWN)
    return _purchase(await connection.fetchrow(sql.doubt_purchase, purchase_id, before))


async def abandoned_purchases(connection: Connection, seconds: float, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """The ids of purchases that are pending for longer than that, each with its stone's."""
    rows = await connection.fetch(sql.abandoned_purchases, seconds, limit)
    return [(row["id"], row["diamond_id"]) for row in rows]


async def claim_unanswered(connection: Connection, seconds: float, limit: int) -> Sequence[Purchase]:
    """Orders accepted so long ago without a recorded answer; each is returned once, to one caller."""
    rows = await connection.fetch(sql.claim_unanswered, seconds, limit)
    return sorted((purchase_of(row) for row in rows), key=lambda purchase: purchase.ordered_at or purchase.requested_at)


async def declined_and_seen(connection: Connection, feed: str, limit: int) -> Sequence[tuple[UUID, UUID, UUID]]:
    """Declined orders whose stone a completed run has read since: the purchase, its stone and the run."""
    rows = await connection.fetch(sql.declined_and_seen, feed, limit)
    return [(row["id"], row["diamond_id"], row["run_id"]) for row in rows]


async def release_declined(connection: Connection, purchase_id: UUID, failure_code: str) -> bool:
    """Leave the stone of a declined order to the sync; False if that was done before."""
    return await connection.fetchval(sql.release_declined, purchase_id, failure_code) is not None


async def release_at_supplier(connection: Connection, hold_id: UUID) -> None:
    """Have the supplier asked to end what it may still hold under an ended hold."""
    await connection.execute(sql.release_at_supplier, hold_id)


def hold_of(row: asyncpg.Record) -> Hold:
    return msgspec.convert(dict(row), Hold)


def purchase_of(row: asyncpg.Record) -> Purchase:
    return msgspec.convert(dict(row), Purchase)


def _hold(row: asyncpg.Record | None) -> Hold | None:
    return hold_of(row) if row else None


def _purchase(row: asyncpg.Record | None) -> Purchase | None:
    return purchase_of(row) if row else None
