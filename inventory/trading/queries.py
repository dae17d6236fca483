"""Read queries for holds, purchases and the history of a diamond: by id, and in pages, newest first."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from inventory.core.database import Database
from inventory.events.models import EventKind
from inventory.trading.hold_repository import hold_of
from inventory.trading.hold_repository import holds as read_holds
from inventory.trading.models import Hold, Purchase
from inventory.trading.purchase_repository import purchase_of
from inventory.trading.purchase_repository import purchases as read_purchases
from inventory.trading.statements import sql
from inventory.trading.states import HoldState, PurchaseState

# The kinds that this process knows. During a deployment a newer process may write others.
_KINDS = [kind.value for kind in EventKind]


class HoldFilter(msgspec.Struct, frozen=True):
    """Filter of holds. A criterion set to None matches every hold."""

    client_id: str | None = None
    reference: str | None = None
    diamond_id: UUID | None = None
    states: Sequence[HoldState] | None = None


class PurchaseFilter(msgspec.Struct, frozen=True):
    """Filter of purchases. A criterion set to None matches every purchase."""

    client_id: str | None = None
    reference: str | None = None
    diamond_id: UUID | None = None
    states: Sequence[PurchaseState] | None = None


class RequestPosition(msgspec.Struct, frozen=True):
    """Keyset position in a list ordered by request time and id."""

    requested_at: datetime
    id: UUID


class HistoryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a diamond's history. `event`: kind of an event; None for a hold or purchase row.

    `key`: makes the position unique.
    """

    at: datetime
    key: UUID
    event: str | None
    client_id: str | None
    hold_id: UUID | None
    purchase_id: UUID | None
    run_id: UUID | None
    data: Mapping[str, Any]


class TradingRecords:
    """Reads holds and purchases. Every method raises `DatabaseUnavailable` if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def holds(self, ids: Collection[UUID]) -> Mapping[UUID, Hold]:
        """Read holds by id. Unknown ids are left out."""
        async with self._database.bounded() as connection:
            return await read_holds(connection, ids)

    async def purchases(self, ids: Collection[UUID]) -> Mapping[UUID, Purchase]:
        """Read purchases by id. Unknown ids are left out."""
        async with self._database.bounded() as connection:
            return await read_purchases(connection, ids)

    async def page_of_holds(
        self, criteria: HoldFilter, after: RequestPosition | None, limit: int
    ) -> tuple[list[Hold], bool]:
        """Read a page of holds, newest first, and whether more follow."""
        async with self._database.bounded() as connection:
            arguments = (*_arguments(criteria), *_keyset(after), limit + 1, criteria.reference)
            rows = await connection.fetch(sql.page_of_holds, *arguments)
        return [hold_of(row) for row in rows[:limit]], len(rows) > limit

    async def count_of_holds(self, criteria: HoldFilter) -> int:
        """Count holds."""
        async with self._database.bounded() as connection:
            found: int = await connection.fetchval(sql.count_of_holds, *_arguments(criteria), criteria.reference)
            return found

    async def page_of_purchases(
        self, criteria: PurchaseFilter, after: RequestPosition | None, limit: int
    ) -> tuple[list[Purchase], bool]:
        """Read a page of purchases, newest first, and whether more follow."""
        async with self._database.bounded() as connection:
            arguments = (*_arguments(criteria), *_keyset(after), limit + 1, criteria.reference)
            rows = await connection.fetch(sql.page_of_purchases, *arguments)
        return [purchase_of(row) for row in rows[:limit]], len(rows) > limit

    async def count_of_purchases(self, criteria: PurchaseFilter) -> int:
        """Count purchases."""
        async with self._database.bounded() as connection:
            arguments = (*_arguments(criteria), criteria.reference)
            found: int = await connection.fetchval(sql.count_of_purchases, *arguments)
            return found

    async def find_purchase(
        self, client_id: str | None, *, purchase_id: UUID | None, reference: str | None, key: str | None
    ) -> Purchase | None:
        """Read the newest purchase that matches every criterion. A criterion set to None matches every purchase.

        `key`: idempotency key of the purchase.
        """
        async with self._database.bounded() as connection:
            row = await connection.fetchrow(sql.find_purchase, client_id, purchase_id, reference, key)
        return purchase_of(row) if row else None

    async def history(
        self, diamond_id: UUID, after: RequestPosition | None, limit: int
    ) -> tuple[list[HistoryRecord], bool]:
        """Read a page of a diamond's history, newest first, and whether more follows."""
        async with self._database.bounded() as connection:
            rows = await connection.fetch(sql.history, diamond_id, *_keyset(after), limit + 1, _KINDS)
        return [HistoryRecord(**row) for row in rows[:limit]], len(rows) > limit


def _arguments(criteria: HoldFilter | PurchaseFilter) -> tuple[object, ...]:
    states = None if criteria.states is None else [str(state) for state in criteria.states]
    return criteria.client_id, criteria.diamond_id, states


def _keyset(after: RequestPosition | None) -> tuple[object, object]:
    return (after.requested_at, after.id) if after else (None, None)
