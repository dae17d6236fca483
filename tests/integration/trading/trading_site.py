"""Trading site for tests: the simulated supplier, its stones in the inventory, and trading clients."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from inventory.catalog.repository import PostgresSearch
from inventory.core.database import Connection, Database
from inventory.core.settings import Settings
from inventory.suppliers.ports import SupplierTrading
from inventory.trading.models import Hold, Purchase
from inventory.trading.purchase_request import PurchaseRequest
from inventory.trading.service import TradingService
from inventory.trading.settlement import Settlement
from sandbox.supplier.server import Simulator
from tests.integration.api.diamonds import build

PRICE = 115_000


class TradingSite:
    """See the fixture. Stones are identified by their number, from 0."""

    def __init__(
        self,
        simulator: Simulator,
        settings: Settings,
        database: Database,
        supplier: SupplierTrading,
        trading: TradingService,
        http: httpx.AsyncClient,
        stones: Sequence[Mapping[str, Any]],
        ids: Sequence[UUID],
    ) -> None:
        self.simulator = simulator
        self.settings = settings
        self.database = database
        self.supplier = supplier
        self.trading = trading
        self.settlement = Settlement(settings, database, supplier)
        self.search = PostgresSearch(database)
        self._http = http
        self.stones = stones
        self.ids = ids

    # Supplier

    async def control(self, verb: str, path: str, body: Any = None) -> Any:
        response = await self._http.request(verb, f"{self.simulator.control}/control/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def break_supplier(self, *rules: Mapping[str, Any]) -> None:
        await self.control("POST", "faults", {"rules": rules})

    async def restore_supplier(self) -> None:
        await self.control("DELETE", "faults")

    async def received(self, operation: str) -> int:
        """Number of requests for this operation, successful or not."""
        report = await self.control("GET", "calls")
        return sum(report["operations"].get(operation, {}).values())

    async def trades(self, operation: str) -> list[dict[str, Any]]:
        """Number of executed trades at the supplier."""
        report = await self.control("GET", "calls")
        trades = [trade for trade in (*report["holds"], *report["orders"]) if trade["operation"] == operation]
        return [trade for trade in trades if "refused" not in trade["answer"] and not trade["answer"].get("denied")]

    async def at_supplier(self, number: int) -> str:
        """The supplier's availability of a stone."""
        truth = await self.control("GET", "stones?offset=0&limit=1000")
        return next(str(one["availability"]) for one in truth if one["id"] == self.stones[number]["id"])

    # Clients

    async def hold(
        self, number: int = 0, client: str = "acme", minutes: int | None = None, reference: str | None = None
    ) -> Hold:
        return await self.trading.holds.create(self.ids[number], client, minutes, reference=reference)

    async def buy(self, number: int = 0, client: str = "acme", key: str = "1", **terms: Any) -> Purchase:
        request = PurchaseRequest(diamond_id=self.ids[number], **{"destination_id": "shop", **terms})
        return await self.trading.purchases.buy(request, client_id=client, key=key)

    # Inventory

    async def availability(self, number: int = 0) -> str:
        found = await self.search.find([self.ids[number]], ["availability"])
        return found[self.ids[number]].availability

    async def sync(self, number: int = 0, **values: Any) -> None:
        """Write the supplier's availability of a stone, as a sync does."""
        columns = ", ".join(f"{name} = ${place}" for place, name in enumerate(values, 2))
        statement = f"UPDATE diamonds SET {columns} WHERE id = $1"  # noqa: S608 - the test's own names
        await self.run(statement, self.ids[number], *values.values())

    async def sync_truth(self, number: int = 0) -> None:
        """Sync the supplier's current values of a stone, with the hold that it shows to the account."""
        word = await self.supplier.item_status(self.stones[number]["id"])
        assert word is not None
        await self.sync(number, availability=word.availability, hold_id=word.hold_id)

    async def run(self, statement: str, *values: object) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(statement, *values)

    async def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(statement, *values)]

    async def advance_time(self, seconds: float) -> None:
        """Let time pass for all holds and purchases."""
        async with self.database.connection() as connection:
            await age_trades(connection, seconds)

    async def events(self, number: int = 0) -> list[str]:
        """Types of a stone's events, in order."""
        found = await self.rows(
            "SELECT kind FROM event_log WHERE diamond_ids @> ARRAY[$1::uuid] ORDER BY id", self.ids[number]
        )
        return [row["kind"] for row in found]


async def age_trades(connection: Connection, seconds: float, ids: Sequence[UUID] | None = None) -> None:
    """Make all holds and purchases, or those of these stones, older."""
    instants = {
        "hold_history": ("requested_at", "wanted_until", "expires_at", "supplier_until", "due_at", "ended_at"),
        "purchase_history": ("requested_at", "sent_at", "ended_at", "answered_at", "examined_at", "examine_at"),
    }
    for table, names in instants.items():
        sets = ", ".join(f"{name} = {name} - make_interval(secs => $1)" for name in names)
        statement = f"UPDATE {table} SET {sets} WHERE $2::uuid[] IS NULL OR diamond_id = ANY ($2)"  # noqa: S608 - the names above
        await connection.execute(statement, seconds, ids)


async def stock(url: str, stones: Sequence[Mapping[str, Any]]) -> list[UUID]:
    """Put the supplier's stones into the inventory. Returns their ids in order."""
    rows = [
        build(
            number,
            supplier_stone_id=stone["id"],
            offer_id=stone["offer_id"],
            supplier_price_cents=stone["price"],
            retail_price_cents=PRICE,
        )
        for number, stone in enumerate(stones)
    ]
    connection = await asyncpg.connect(url, server_settings={"search_path": "inventory"})
    await connection.copy_records_to_table(
        "diamonds", records=[tuple(row.values()) for row in rows], columns=list(rows[0]), schema_name="inventory"
    )
    await connection.close()
    return [row["id"] for row in rows]
