"""Ending at the supplier what is over here."""

from uuid import UUID

from inventory.core.database import Database
from inventory.core.logging import get_logger
from inventory.trading import hold_transitions, repository
from inventory.trading.models import Hold
from inventory.trading.supplier_holds import SupplierHolds

log = get_logger()


async def let_go(
    database: Database,
    supplier_holds: SupplierHolds,
    hold: Hold,
    supplier_stone_id: str | None = None,
    *,
    asking: UUID | None = None,
) -> None:
    """End a hold at the supplier that is over here. Where it is not known whether the supplier granted it, it is looked for first.

    `asking`: the hold for which this is done, and which was not sent yet.

    Raises:
        SupplierError: it did not work; it stays due.
    """
    supplier_hold_id = hold.supplier_hold_id
    if supplier_hold_id is None and supplier_stone_id is not None:
        shown = [one.id for one in await supplier_holds.of_stone(supplier_stone_id) if one.id]
        if shown:
            async with hold_transitions.locked(database, hold.diamond_id) as connection:
                if await repository.is_being_asked_for(connection, hold.diamond_id, asking):
                    return  # what the supplier shows may be the new one; this one stays due
                for one in shown:  # unless it is known as another hold
                    if await repository.own_supplier_hold(connection, hold.id, one):
                        supplier_hold_id = one
                        break
    if supplier_hold_id is not None:
        found = await supplier_holds.supplier.cancel_hold(supplier_hold_id)
        log.info("supplier's hold ended", hold_id=str(hold.id), found=found)
    async with database.bounded() as connection:
        await repository.nothing_due(connection, hold.id)
