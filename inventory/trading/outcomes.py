"""Outcomes that operators record: of an order whose answer was lost, and the supplier's later message about an order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from uuid import UUID

from inventory.core.database import Connection, Database
from inventory.core.errors import NotFound, TradingUnavailable
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.suppliers.ports import SupplierTrading
from inventory.trading import hold_transitions, purchase_transitions, repository
from inventory.trading.errors import PurchaseFailed, PurchaseSettled
from inventory.trading.models import Purchase
from inventory.trading.states import PurchaseState
from inventory.trading.texts import LONGEST_TEXT, LONGEST_WORD, Text, check

log = get_logger()


class Outcome(StrEnum):
    """What an operator found out about a purchase of unknown outcome."""

    ORDERED = "ordered"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class OutcomeService:
    """Recording what the supplier does not say in its answers. Each method may be repeated: the same changes nothing."""

    def __init__(self, settings: Settings, database: Database, supplier: SupplierTrading | None) -> None:
        """The supplier is needed by `examine` only."""
        self._settings = settings
        self._database = database
        self._supplier = supplier

    async def resolve(
        self, purchase_id: UUID, outcome: Outcome, *, who: str, reason: str, order_id: str | None = None
    ) -> Purchase:
        """Settle a purchase of unknown outcome, after a person has looked at the supplier's account.

        ORDERED: the supplier has the order. CONFIRMED: it has also confirmed it. FAILED: it has no such order.

        Raises:
            ValidationFailed: a text is blank, too long or not storable.
            NotFound: there is no such purchase.
            PurchaseSettled: the outcome is known, or the supplier is still being asked.
        """
        _check(who, reason, order_id)
        wanted = PurchaseState(outcome.value)
        async with self._locked(purchase_id) as (connection, present):
            if present.state is wanted and present.resolved_by is not None:
                return present
            if present.state is not PurchaseState.UNKNOWN:
                raise PurchaseSettled(
                    f"The purchase is {present.state}; only an unknown one can be resolved.", state=present.state
                )
            resolved: Purchase | None
            if outcome is Outcome.FAILED:
                resolved = await purchase_transitions.fail(
                    connection, present, PurchaseFailed.reason, reason, resolved_by=who, resolution=reason
                )
            else:
                resolved = await purchase_transitions.order(
                    connection, present, order_id, self._settings.sync_feed, resolved_by=who, resolution=reason
                )
            if outcome is Outcome.CONFIRMED:
                resolved = await purchase_transitions.confirm(connection, present, who=who, reason=reason)
        assert resolved is not None, "an unknown purchase can be settled"  # noqa: S101 - by the states
        log.info("purchase_resolved", purchase_id=str(purchase_id), state=resolved.state, who=who)
        return resolved

    async def confirm(self, purchase_id: UUID, *, who: str, reason: str, order_id: str | None = None) -> Purchase:
        """Record the supplier's confirmation of an accepted order. `order_id`: as its message names the order.

        Raises:
            ValidationFailed: a text is blank, too long or not storable.
            NotFound: there is no such purchase.
            PurchaseSettled: the purchase is neither ordered nor confirmed.
        """
        _check(who, reason, order_id)
        async with self._locked(purchase_id) as (connection, present):
            if present.state is PurchaseState.CONFIRMED:
                return present
            confirmed = await purchase_transitions.confirm(
                connection, present, who=who, reason=reason, order_id=order_id
            )
        if confirmed is None:
            raise _not_ordered(present)
        log.info("purchase_confirmed", purchase_id=str(purchase_id), who=who)
        return confirmed

    async def decline(self, purchase_id: UUID, *, who: str, reason: str) -> Purchase:
        """Record that the supplier declined an accepted order, also after its confirmation.

        Raises:
            ValidationFailed: a text is blank, too long or not storable.
            NotFound: there is no such purchase.
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
        """Look for evidence of an order of unknown outcome in the supplier's item. Nothing is decided by it.

        Raises:
            NotFound: there is no such purchase.
            PurchaseSettled: the outcome of the purchase is known.
            TradingUnavailable: trading is not set up.
            SupplierError: the supplier can't be asked.
        """
        if self._supplier is None:
            raise TradingUnavailable
        purchase = await self._find(purchase_id)
        if purchase.state is PurchaseState.UNKNOWN:
            examined = await examine(self._database, self._supplier, purchase, self._settings.sync_feed)
            if examined is not None:
                return examined
            purchase = await self._find(purchase_id)
        raise PurchaseSettled(
            f"The purchase is {purchase.state}; only an unknown one is examined.", state=purchase.state
        )

    async def _find(self, purchase_id: UUID) -> Purchase:
        async with self._database.bounded() as connection:
            found = await repository.purchase(connection, purchase_id)
        if found is None:
            raise NotFound("There is no purchase with this id.")
        return found

    @asynccontextmanager
    async def _locked(self, purchase_id: UUID) -> AsyncIterator[tuple[Connection, Purchase]]:
        """The purchase, with its stone locked."""
        found = await self._find(purchase_id)
        async with hold_transitions.locked(self._database, found.diamond_id) as connection:
            present = await repository.purchase(connection, purchase_id)
            assert present is not None  # noqa: S101 - purchases are never deleted
            yield connection, present


async def examine(database: Database, supplier: SupplierTrading, purchase: Purchase, feed: str) -> Purchase | None:
    """Read the supplier's item of a purchase of unknown outcome; None if its outcome is known by now.

    Raises:
        SupplierError: the supplier can't be asked.
    """
    async with database.bounded() as connection:
        stone_id = await repository.supplier_stone(connection, purchase.diamond_id)
    status = await supplier.look(stone_id)
    async with hold_transitions.locked(database, purchase.diamond_id) as connection:
        return await purchase_transitions.examined(connection, purchase, status.order_item_id if status else None, feed)


def _check(who: str, reason: str, order_id: str | None = None) -> None:
    check(
        {
            "by": Text(who, LONGEST_WORD),
            "reason": Text(reason, LONGEST_TEXT),
            "supplier_order_id": Text(order_id, LONGEST_WORD, optional=True),
        }
    )


def _not_ordered(present: Purchase) -> PurchaseSettled:
    return PurchaseSettled(
        f"The purchase is {present.state}; the supplier's answer is recorded for an accepted order only.",
        state=present.state,
    )
