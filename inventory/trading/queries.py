"""Holds and purchases as they are looked at: by id, and a page at a time, newest first. Nothing is decided here."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from inventory.core.database import Database
from inventory.events.models import EventKind
from inventory.trading import repository
from inventory.trading.models import Hold, Purchase
from inventory.trading.repository import sql
from inventory.trading.states import HoldState, PurchaseState

# A newer process may write others, during a deployment.
_KINDS = [kind.value for kind in EventKind]


class HoldFilter(msgspec.Struct, frozen=True):
    """Which holds. What is None matches every hold."""

    client_id: str | None = None
    diamond_id: UUID | None = None
    states: Sequence[HoldState] | None = None


class PurchaseFilter(msgspec.Struct, frozen=True):
    """Which purchases. What is None matches every purchase."""

    client_id: str | None = None
    diamond_id: UUID | None = None
    states: Sequence[PurchaseState] | None = None


class RequestPosition(msgspec.Struct, frozen=True):
    """A place in a list, by when something was asked for."""

    requested_at: datetime
    id: UUID


class HistoryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a stone: an event of this kind, or (None) a whole hold or purchase.

    `key` makes its place unique.
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
    """Reads holds and purchases. Every method raises `DatabaseUnavailable` where the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def holds(self, ids: Collection[UUID]) -> Mapping[UUID, Hold]:
        """Those of the holds that there are."""
        async with self._database.bounded() as connection:
            return await repository.holds(connection, ids)

    async def purchases(self, ids: Collection[UUID]) -> Mapping[UUID, Purchase]:
        """Those of the purchases that there are."""
        async with self._database.bounded() as connection:
            return await repository.purchases(connection, ids)

    async def page_of_holds(
        self, wanted: HoldFilter, after: RequestPosition | None, limit: int
    ) -> tuple[list[Hold], bool]:
        """Holds, newest first, and whether there are more."""
        async with self._database.bounded() as connection:
            rows = await connection.fetch(sql.page_of_holds, *_arguments(wanted), *_place(after), limit + 1)
        return [repository.hold_of(row) for row in rows[:limit]], len(rows) > limit

    async def count_of_holds(self, wanted: HoldFilter) -> int:
        """How many holds there are."""
        async with self._database.bounded() as connection:
            found: int = await connection.fetchval(sql.count_of_holds, *_arguments(wanted))
            return found

    async def page_of_purchases(
        self, wanted: PurchaseFilter, after: RequestPosition | None, limit: int
    ) -> tuple[list[Purchase], bool]:
        """Purchases, newest first, and whether there are more."""
        async with self._database.bounded() as connection:
            rows = await connection.fetch(sql.page_of_purchases, *_arguments(wanted), *_place(after), limit + 1)
        return [repository.purchase_of(row) for row in rows[:limit]], len(rows) > limit

    async def count_of_purchases(self, wanted: PurchaseFilter) -> int:
        """How many purchases there are."""
        async with self._database.bounded() as connection:
            found: int = await connection.fetchval(sql.count_of_purchases, *_arguments(wanted))
            return found

    async def history(
        self, diamond_id: UUID, after: RequestPosition | None, limit: int
    ) -> tuple[list[HistoryRecord], bool]:
        """What happened to a stone, newest first, and whether there is more."""
        async with self._database.bounded() as connection:
            rows = await connection.fetch(sql.history, diamond_id, *_place(after), limit + 1, _KINDS)
        return [HistoryRecord(**row) for row in rows[:limit]], len(rows) > limit


def _arguments(wanted: HoldFilter | PurchaseFilter) -> tuple[object, ...]:
    states = None if wanted.states is None else [str(state) for state in wanted.states]
    return wanted.client_id, wanted.diamond_id, states


def _place(after: RequestPosition | None) -> tuple[object, object]:
    return (after.requested_at, after.id) if after else (None, None)
