"""The jobs of trading: what time, dead processes and a silent supplier have left to be done.

Each may be done at any time, by several processes at once, and again. Nothing waits for them that a reader sees: a hold that
is over by time is over, and what is written down here only makes that an event and tells the supplier.
"""

from inventory.core.database import Database
from inventory.core.errors import SupplierError, SupplierUnavailable
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.suppliers.ports import SupplierTrading
from inventory.trading import hold_transitions, purchase_transitions, repository
from inventory.trading.outcomes import examine
from inventory.trading.repository import DueHold
from inventory.trading.states import HoldState
from inventory.trading.supplier_holds import SupplierHolds
from inventory.trading.supplier_release import let_go

log = get_logger()

_MOST_AT_ONCE = 500
_MOST_EXAMINED = 50


class Settlement:
    """Settles what is due."""

    def __init__(self, settings: Settings, database: Database, supplier: SupplierTrading | None) -> None:
        """Without a supplier only what is over here is closed."""
        self._settings = settings
        self._database = database
        self._supplier = supplier
        self._holds: SupplierHolds | None = None

    async def holds(self) -> int:
        """Close holds that are over by time, find out about requests, end at the supplier what is over here.

        Answers how many were looked at. Where the supplier is unavailable, holds that need it wait for the next round.

        Raises:
            SupplierUnavailable: the supplier does not answer.
        """
        done = 0
        away: SupplierUnavailable | None = None
        while done < _MOST_AT_ONCE:
            async with self._database.bounded() as connection:
                reachable = self._supplier is not None and away is None
                due = await repository.claim_due_hold(connection, with_supplier=reachable)
            if due is None:
                break
            done += 1
            try:
                if due.state is HoldState.ACTIVE or self._supplier is None or away is not None:
                    await self._close(due)
                else:
                    work = self._find_out if due.state is HoldState.REQUESTED else self._end_there
                    await work(self._supplier, due)
            except SupplierUnavailable as error:
                away = error
            except SupplierError as error:
                log.warning("hold not settled", hold_id=str(due.id), code=error.code, error=error.message)
        if away is not None:
            raise away
        return done

    async def refresh(self) -> int:
        """Take over the ends that the supplier's holds have now; answers how many have moved.

        A supplier can let a hold end later. The client's hold then ends later too, as far as it was wanted, and never
        earlier than before.

        Raises:
            SupplierUnavailable: the supplier does not answer.
        """
        if self._supplier is None:
            return 0
        async with self._database.bounded() as connection:
            if not await repository.any_supplier_hold(connection):
                return 0
        listed = await SupplierHolds(self._supplier).listed()
        ends = {one.id: one.until for one in listed or () if one.until is not None and not one.denied}
        if not ends:
            return 0
        async with self._database.bounded() as connection:
            moved = await repository.moved_holds(connection, ends, _MOST_AT_ONCE)
        for hold_id, diamond_id, until in moved:
            async with hold_transitions.locked(self._database, diamond_id) as connection:
                await hold_transitions.note_supplier_end(connection, hold_id, until)
        return len(moved)

    async def purchases(self) -> int:
        """Give up the purchases whose process is gone, and tell someone of those that may have been made."""
        seconds = hold_transitions.settle_seconds(self._settings)
        async with self._database.bounded() as connection:
            abandoned = await repository.abandoned_purchases(connection, seconds, _MOST_AT_ONCE)
        for purchase_id, diamond_id in abandoned:
            async with hold_transitions.locked(self._database, diamond_id) as connection:
                await purchase_transitions.abandon(connection, purchase_id, self._settings.sync_feed)
        return len(abandoned)

    async def evidence(self) -> int:
        """Examine purchases of unknown outcome at the supplier, each more and more rarely; answers how many.

        Raises:
            SupplierUnavailable: the supplier does not answer.
        """
        done = 0
        while self._supplier is not None and done < _MOST_EXAMINED:
            async with self._database.bounded() as connection:
                purchase = await repository.claim_unknown(connection)
            if purchase is None:
                break
            done += 1
            try:
                await examine(self._database, self._supplier, purchase, self._settings.sync_feed)
            except SupplierUnavailable:
                raise
            except SupplierError as error:
                log.warning("purchase_not_examined", purchase_id=str(purchase.id), code=error.code, error=error.message)
        return done

    async def reminders(self) -> int:
        """Alert an operator of accepted orders that were neither confirmed nor declined in time; answers how many."""
        seconds = self._settings.trading_confirmation_hours * 3600.0
        async with self._database.transaction() as connection:
            return await purchase_transitions.remind(connection, seconds, _MOST_AT_ONCE, self._settings.sync_feed)

    async def declined(self) -> int:
        """Leave the stones of declined orders to the sync once a completed run has read them; answers how many."""
        feed = self._settings.sync_feed
        async with self._database.bounded() as connection:
            seen = await repository.declined_and_seen(connection, feed, _MOST_AT_ONCE)
        for purchase_id, diamond_id, run_id in seen:
            async with hold_transitions.locked(self._database, diamond_id) as connection:
                await purchase_transitions.release(connection, purchase_id, diamond_id, run_id)
        return len(seen)

    async def _close(self, due: DueHold) -> None:
        async with hold_transitions.locked(self._database, due.diamond_id) as connection:
            await hold_transitions.close_overdue(connection, due.diamond_id)

    async def _find_out(self, supplier: SupplierTrading, due: DueHold) -> None:
        """Settle a request without an answer: a hold of this account on the stone that is not known here is this one."""
        try:
            found = await self._supplier_holds(supplier).of_stone(due.supplier_stone_id)
        except SupplierError:
            await self._close(due)  # if it has blocked the stone for long enough
            raise
        async with hold_transitions.locked(self._database, due.diamond_id) as connection:
            unknown = [one for one in found if one.id and not await repository.knows_supplier_hold(connection, one.id)]
            if unknown:
                await hold_transitions.settle(connection, due.id, unknown[0])
            else:
                await hold_transitions.end(connection, due.id, HoldState.DENIED, reason=hold_transitions.NOT_HELD)
        log.info("hold_found_out", hold_id=str(due.id), held=bool(unknown))

    def _supplier_holds(self, supplier: SupplierTrading) -> SupplierHolds:
        if self._holds is None:
            self._holds = SupplierHolds(supplier)
        return self._holds

    async def _end_there(self, supplier: SupplierTrading, due: DueHold) -> None:
        async with self._database.bounded() as connection:
            if await repository.open_purchase(connection, due.diamond_id):
                return  # the order may rest on the supplier's hold; it stays due
            hold = await repository.hold(connection, due.id)
            if hold is None:
                return
            if await repository.ended_by_itself(connection, hold.id):
                await repository.nothing_due(connection, hold.id)
                return
        await let_go(self._database, self._supplier_holds(supplier), hold, due.supplier_stone_id)
