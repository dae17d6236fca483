"""Settlement job of trading: expire holds, settle requests without an answer, and retry supplier releases.

Every step is idempotent and may run in several processes at once. Readers do not depend on it: a hold past its expiry is
over, and the job only appends the event and cancels the supplier's hold.
"""

from inventory.core.database import Database
from inventory.core.errors import SupplierError, SupplierUnavailable
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.suppliers.ports import SupplierTrading
from inventory.suppliers.registry import trading_settings
from inventory.trading import hold_repository, hold_transitions, purchase_repository, purchase_transitions
from inventory.trading.hold_repository import DueHold
from inventory.trading.locks import locked_diamond
from inventory.trading.outcomes import examine
from inventory.trading.states import HoldState
from inventory.trading.supplier_holds import SupplierHolds
from inventory.trading.supplier_release import SupplierRelease
from inventory.trading.timeouts import settlement_seconds

log = get_logger()

_BATCH_LIMIT = 500
_EXAMINATION_LIMIT = 50


class Settlement:
    """Settles due holds and purchases. Each method returns the number of rows that it handled."""

    def __init__(self, settings: Settings, database: Database, supplier: SupplierTrading | None) -> None:
        """Without a supplier, only overdue holds are closed."""
        self._settings = trading_settings(settings)
        self._database = database
        self._supplier = supplier
        self._release = SupplierRelease(database, supplier) if supplier is not None else None

    async def holds(self) -> int:
        """Close overdue holds, settle requests without an answer, and cancel ended holds at the supplier.

        While the supplier is unavailable, the holds that need it wait for the next round.

        Raises:
            SupplierUnavailable: the supplier does not answer.
        """
        done = 0
        outage: SupplierUnavailable | None = None
        while done < _BATCH_LIMIT:
            async with self._database.bounded() as connection:
                reachable = self._supplier is not None and outage is None
                due = await hold_repository.claim_due_hold(connection, with_supplier=reachable)
            if due is None:
                break
            done += 1
            try:
                if due.state is HoldState.ACTIVE or self._release is None or outage is not None:
                    await self._close_overdue(due)
                elif due.state is HoldState.REQUESTED:
                    await self._settle_request(self._release.supplier_holds, due)
                else:
                    await self._release.release_due(due.id, due.supplier_stone_id)
            except SupplierUnavailable as error:
                outage = error
            except SupplierError as error:
                log.warning("hold_not_settled", hold_id=str(due.id), code=error.code, error=error.message)
        if outage is not None:
            raise outage
        return done

    async def refresh(self) -> int:
        """Record the expiry that the supplier's holds have now.

        A supplier can extend a hold. The client's hold is then extended up to the requested end, and never shortened.

        Raises:
            SupplierUnavailable: the supplier does not answer.
        """
        if self._supplier is None:
            return 0
        async with self._database.bounded() as connection:
            if not await hold_repository.any_supplier_hold(connection):
                return 0
        listed = await SupplierHolds(self._supplier).listed()
        ends = {hold.id: hold.until for hold in listed or () if hold.until is not None and not hold.denied}
        if not ends:
            return 0
        async with self._database.bounded() as connection:
            moved = await hold_repository.moved_holds(connection, ends, _BATCH_LIMIT)
        for hold_id, diamond_id, until in moved:
            async with locked_diamond(self._database, diamond_id) as connection:
                await hold_transitions.record_supplier_end(connection, hold_id, until)
        return len(moved)

    async def purchases(self) -> int:
        """Fail abandoned purchases that were not sent. Mark the sent ones as unknown and alert an operator."""
        seconds = settlement_seconds(self._settings.trading)
        async with self._database.bounded() as connection:
            abandoned = await purchase_repository.abandoned_purchases(connection, seconds, _BATCH_LIMIT)
        for purchase_id, diamond_id in abandoned:
            async with locked_diamond(self._database, diamond_id) as connection:
                await purchase_transitions.abandon(connection, purchase_id, self._settings.sync.feed)
        return len(abandoned)

    async def evidence(self) -> int:
        """Examine purchases of unknown outcome at the supplier, each at growing intervals.

        Raises:
            SupplierUnavailable: the supplier does not answer.
        """
        done = 0
        while self._supplier is not None and done < _EXAMINATION_LIMIT:
            async with self._database.bounded() as connection:
                purchase = await purchase_repository.claim_unknown_purchase(connection)
            if purchase is None:
                break
            done += 1
            try:
                await examine(self._database, self._supplier, purchase, self._settings.sync.feed)
            except SupplierUnavailable:
                raise
            except SupplierError as error:
                log.warning("purchase_not_examined", purchase_id=str(purchase.id), code=error.code, error=error.message)
        return done

    async def reminders(self) -> int:
        """Alert an operator of accepted orders that were neither confirmed nor declined in time."""
        seconds = self._settings.trading.confirmation_hours * 3600.0
        async with self._database.transaction() as connection:
            return await purchase_transitions.remind(connection, seconds, _BATCH_LIMIT, self._settings.sync.feed)

    async def declined(self) -> int:
        """Return the diamonds of declined orders to the sync once a completed run has read them."""
        feed = self._settings.sync.feed
        async with self._database.bounded() as connection:
            synced = await purchase_repository.declined_and_synced(connection, feed, _BATCH_LIMIT)
        for purchase_id, diamond_id, run_id in synced:
            async with locked_diamond(self._database, diamond_id) as connection:
                await purchase_transitions.release_declined(connection, purchase_id, diamond_id, run_id)
        return len(synced)

    async def _close_overdue(self, due: DueHold) -> None:
        async with locked_diamond(self._database, due.diamond_id) as connection:
            await hold_transitions.close_overdue(connection, due.diamond_id)

    async def _settle_request(self, supplier_holds: SupplierHolds, due: DueHold) -> None:
        """Settle a request without an answer from the account's holds at the supplier."""
        try:
            found = await supplier_holds.of_stone(due.supplier_stone_id)
        except SupplierError:
            await self._close_overdue(due)
            raise
        async with locked_diamond(self._database, due.diamond_id) as connection:
            granted = await hold_transitions.settle_by_lookup(connection, due.id, found)
        log.info("hold_settled_by_lookup", hold_id=str(due.id), granted=granted)
