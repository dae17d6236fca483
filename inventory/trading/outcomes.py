"""Purchase outcomes recorded by operators: of an order without an answer, and the supplier's later message about an order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from uuid import UUID

from inventory.core.database import Connection, Database
from inventory.core.errors import NotFound, TradingUnavailable
from inventory.core.logging import get_logger
from inventory.core.settings.sync import SyncSettings
from inventory.core.texts import MAX_TEXT_LENGTH, MAX_WORD_LENGTH, Text, check
from inventory.suppliers.ports import SupplierTrading
from inventory.trading import diamonds, purchase_repository, purchase_transitions
from inventory.trading.errors import PurchaseFailed, PurchaseSettled
from inventory.trading.locks import locked_diamond
from inventory.trading.models import Purchase
from inventory.trading.states import PurchaseState

log = get_logger()


class Outcome(StrEnum):
    """Outcome that an operator records for a purchase of unknown outcome."""

    ORDERED = "ordered"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class OutcomeService:
    """Records purchase outcomes. Each method is idempotent."""

    def __init__(self, settings: SyncSettings, database: Database, supplier: SupplierTrading | None) -> None:
        """Only `examine` needs the supplier."""
        self._settings = settings
        self._database = database
        self._supplier = supplier

    async def resolve(
        self, purchase_id: UUID, outcome: Outcome, *, who: str, reason: str, order_id: str | None = None
    ) -> Purchase:
        """Settle a purchase of unknown outcome after an operator has examined the supplier's account.

        ORDERED: the supplier has the order. CONFIRMED: the supplier has also confirmed it. FAILED: the supplier has no such order.

        Raises:
            ValidationFailed: a text is blank, too long or not storable.
            NotFound: no purchase has this id.
            PurchaseSettled: the outcome is known already, or the call to the supplier is in progress.
        """
        _check(who, reason, order_id)
        target = PurchaseState(outcome.value)
        async with self._locked(purchase_id) as (connection, present):
            if present.state is target and present.resolved_by is not None:
                return present
            if present.state is not PurchaseState.UNKNOWN:
                raise PurchaseSettled(
                    f"The purchase is {present.state}. Only an unknown purchase can be resolved.", state=present.state
                )
            resolved: Purchase | None
            if outcome is Outcome.FAILED:
                resolved = await purchase_transitions.fail(
                    connection, present, PurchaseFailed.reason, reason, resolved_by=who, resolution=reason
                )
            else:
                resolved = await purchase_transitions.order(
                    connection, present, order_id, self._settings.feed, resolved_by=who, resolution=reason
                )
            if outcome is Outcome.CONFIRMED:
                resolved = await purchase_transitions.confirm(connection, present, who=who, reason=reason)
        assert resolved is not None, "an unknown purchase can be settled"  # noqa: S101 - by the states
        log.info("purchase_resolved", purchase_id=str(purchase_id), state=resolved.state, who=who)
        return resolved

    async def confirm(
        self,
        purchase_id: UUID,
        *,
        who: str,
        reason: str,
        order_id: str | None = None,
        return_granted: bool | None = None,
    ) -> Purchase:
        """Record the supplier's confirmation of an accepted order.

        `order_id`, `return_granted`: the order's id and the right to return the diamond, if the supplier's message states them.

        Raises:
            ValidationFailed: a text is blank, too long or not storable.
            NotFound: no purchase has this id.
            PurchaseSettled: the purchase is neither ordered nor confirmed.
        """
        _check(who, reason, order_id)
        async with self._locked(purchase_id) as (connection, present):
            if present.state is PurchaseState.CONFIRMED:
                return present
            confirmed = await purchase_transitions.confirm(
                connection, present, who=who, reason=reason, order_id=order_id, return_granted=return_granted
            )
        if confirmed is None:
            raise _not_ordered(present)
        log.info("purchase_confirmed", purchase_id=str(purchase_id), who=who)
        return confirmed

    async def decline(self, purchase_id: UUID, *, who: str, reason: str) -> Purchase:
        """Record that the supplier declined an accepted or confirmed order.

        Raises:
            ValidationFailed: a text is blank, too long or not storable.
            NotFound: no purchase has this id.
            PurchaseSettled: the purchase is neither ordered, confirmed nor declined.
        """
        _check(who, reason)
        async with self._locked(purchase_id) as (connection, present):
            if present.state is PurchaseState.DECLINED:
                return present
            declined = await purchase_transitions.decline(connection, present, who=who, reason=reason)
        if declined is None:
            raise _not_ordered(present)
        log.warning("purchase_declined", purchase_id=str(purchase_id), who=who)
        return declined

    async def examine(self, purchase_id: UUID) -> Purchase:
        """Look for evidence of an order of unknown outcome in the supplier item. The state does not change.

        Raises:
            NotFound: no purchase has this id.
            PurchaseSettled: the outcome of the purchase is known.
            TradingUnavailable: trading is not configured.
            SupplierError: the supplier cannot be called.
        """
        if self._supplier is None:
            raise TradingUnavailable
        purchase = await self._find(purchase_id)
        if purchase.state is PurchaseState.UNKNOWN:
            examined = await examine(self._database, self._supplier, purchase, self._settings.feed)
            if examined is not None:
                return examined
            purchase = await self._find(purchase_id)
        raise PurchaseSettled(
            f"The purchase is {purchase.state}. Only an unknown purchase can be examined.", state=purchase.state
        )

    async def _find(self, purchase_id: UUID) -> Purchase:
        async with self._database.bounded() as connection:
            found = await purchase_repository.purchase(connection, purchase_id)
        if found is None:
            raise NotFound("There is no purchase with this id.")
        return found

    @asynccontextmanager
    async def _locked(self, purchase_id: UUID) -> AsyncIterator[tuple[Connection, Purchase]]:
        """Read a purchase with its diamond locked."""
        found = await self._find(purchase_id)
        async with locked_diamond(self._database, found.diamond_id) as connection:
            present = await purchase_repository.purchase(connection, purchase_id)
            assert present is not None  # noqa: S101 - purchases are never deleted
            yield connection, present


async def examine(database: Database, supplier: SupplierTrading, purchase: Purchase, feed: str) -> Purchase | None:
    """Examine the supplier item of a purchase of unknown outcome. Returns None if the outcome is known already.

    Raises:
        SupplierError: the supplier cannot be called.
    """
    async with database.bounded() as connection:
        supplier_stone_id = await diamonds.supplier_stone_id(connection, purchase.diamond_id)
    status = await supplier.item_status(supplier_stone_id)
    async with locked_diamond(database, purchase.diamond_id) as connection:
        order_item_id = status.order_item_id if status else None
        return await purchase_transitions.record_examination(connection, purchase, order_item_id, feed)


def _check(who: str, reason: str, order_id: str | None = None) -> None:
    check(
        {
            "by": Text(who, MAX_WORD_LENGTH),
            "reason": Text(reason, MAX_TEXT_LENGTH),
            "supplier_order_id": Text(order_id, MAX_WORD_LENGTH, optional=True),
        }
    )


def _not_ordered(present: Purchase) -> PurchaseSettled:
    return PurchaseSettled(
        f"The purchase is {present.state}. The supplier's answer can be recorded for an accepted order only.",
        state=present.state,
    )
