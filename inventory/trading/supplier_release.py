"""Release of supplier holds: cancel at the supplier the holds that have ended here."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from inventory.core.database import Database
from inventory.core.errors import OutcomeUnknown, SupplierUnavailable
from inventory.core.logging import get_logger
from inventory.core.settings.trading import TradingSettings
from inventory.suppliers.ports import SupplierTrading
from inventory.trading import hold_repository, purchase_repository
from inventory.trading.locks import locked_diamond
from inventory.trading.models import Hold, TradedDiamond
from inventory.trading.supplier_holds import SupplierHolds
from inventory.trading.timeouts import supplier_call_seconds

log = get_logger()


class SupplierRelease:
    """Cancels ended holds at the supplier. A release that fails stays due, and the settlement job repeats it."""

    def __init__(self, database: Database, supplier: SupplierTrading) -> None:
        self._database = database
        self._supplier = supplier
        self.supplier_holds = SupplierHolds(supplier)

    async def release(
        self, hold: Hold, supplier_stone_id: str | None = None, *, requested_hold_id: UUID | None = None
    ) -> None:
        """Cancel an ended hold at the supplier.

        If its id at the supplier is not known, it is looked up by `supplier_stone_id`. `requested_hold_id`: the new hold that
        needs this release, and that was not sent to the supplier yet.

        Raises:
            SupplierError: the supplier did not cancel the hold; it stays due.
        """
        supplier_hold_id = hold.supplier_hold_id
        if supplier_hold_id is None and supplier_stone_id is not None:
            shown = [found.id for found in await self.supplier_holds.of_stone(supplier_stone_id) if found.id]
            if shown:
                async with locked_diamond(self._database, hold.diamond_id) as connection:
                    if await hold_repository.has_other_request(connection, hold.diamond_id, requested_hold_id):
                        return  # the supplier may show the hold of that request
                    for candidate in shown:
                        if await hold_repository.assign_supplier_hold(connection, hold.id, candidate):
                            supplier_hold_id = candidate
                            break
        if supplier_hold_id is not None:
            found_there = await self._supplier.cancel_hold(supplier_hold_id)
            log.info("supplier_hold_released", hold_id=str(hold.id), found=found_there)
        async with self._database.bounded() as connection:
            await hold_repository.clear_due(connection, hold.id)

    async def release_before(
        self, settings: TradingSettings, holds: Sequence[Hold], diamond: TradedDiamond, requested_hold_id: UUID
    ) -> None:
        """Cancel ended holds of a diamond before a new one is requested: the supplier would deny it because of them.

        Raises:
            SupplierUnavailable: the supplier did not cancel them in time. The new hold was not requested.
        """
        try:
            async with asyncio.timeout(supplier_call_seconds(settings)):
                for hold in holds:
                    await self.release(hold, diamond.supplier_stone_id, requested_hold_id=requested_hold_id)
        except (OutcomeUnknown, TimeoutError) as error:
            # Only the end of the old hold is unknown. The new one was not requested.
            raise SupplierUnavailable("The supplier did not end a hold before this one.") from error

    async def release_due(self, hold_id: UUID, supplier_stone_id: str) -> None:
        """Cancel an ended hold that is due, unless an order may depend on it or it has expired at the supplier.

        Raises:
            SupplierError: the supplier did not cancel the hold; it stays due.
        """
        async with self._database.bounded() as connection:
            hold = await hold_repository.hold(connection, hold_id)
            if hold is None or await purchase_repository.open_purchase(connection, hold.diamond_id):
                return
            if await hold_repository.supplier_hold_expired(connection, hold_id):
                await hold_repository.clear_due(connection, hold_id)
                return
        await self.release(hold, supplier_stone_id)
