"""What the supplier still holds for us although it is over here."""

from uuid import UUID

from app.core.database import Database
from app.core.logging import get_logger
from app.suppliers.ports import Trading
from app.trading import moves, repository
from app.trading.models import Hold

log = get_logger()


async def let_go(
    database: Database,
    supplier: Trading,
    hold: Hold,
    supplier_stone_id: str | None = None,
    *,
    asking: UUID | None = None,
) -> None:
    """End at the supplier what is over here. Where nobody knows whether he holds it, he is asked first.

    `asking`: the hold for which this is done, and which was not sent yet.

    Raises:
        SupplierError: it did not work; it stays due.
    """
    supplier_hold_id = hold.supplier_hold_id
    if supplier_hold_id is None and supplier_stone_id is not None:
        word = await supplier.look(supplier_stone_id)
        supplier_hold_id = word.hold_id if word else None
        if supplier_hold_id is not None:
            async with moves.locked(database, hold.diamond_id) as connection:
                if await repository.is_being_asked_for(connection, hold.diamond_id, asking):
                    return  # what he shows may be the new one; this one stays due
                if not await repository.own_supplier_hold(connection, hold.id, supplier_hold_id):
                    supplier_hold_id = None  # another hold's
    if supplier_hold_id is not None:
        found = await supplier.cancel_hold(supplier_hold_id)
        log.info("supplier's hold ended", hold_id=str(hold.id), found=found)
    async with database.bounded() as connection:
        await repository.nothing_due(connection, hold.id)
