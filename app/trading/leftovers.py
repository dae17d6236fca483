"""What the supplier still holds for us although it is over here."""

from app.core.database import Database
from app.core.logging import get_logger
from app.suppliers.ports import Trading
from app.trading import repository
from app.trading.models import Hold

log = get_logger()


async def let_go(database: Database, supplier: Trading, hold: Hold, supplier_stone_id: str | None = None) -> None:
    """End at the supplier what is over here. Where nobody knows whether he holds it, he is asked first.

    Raises:
        SupplierError: it did not work; it stays due.
    """
    supplier_hold_id = hold.supplier_hold_id
    if supplier_hold_id is None and supplier_stone_id is not None:
        word = await supplier.look(supplier_stone_id)
        supplier_hold_id = word.hold_id if word else None
        async with database.bounded() as connection:
            if supplier_hold_id is not None and await repository.knows_supplier_hold(connection, supplier_hold_id):
                supplier_hold_id = None  # another hold's
    if supplier_hold_id is not None:
        found = await supplier.cancel_hold(supplier_hold_id)
        log.info("supplier's hold ended", hold_id=str(hold.id), found=found)
    async with database.bounded() as connection:
        await repository.nothing_due(connection, hold.id)
