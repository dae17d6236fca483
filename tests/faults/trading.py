"""A shop to break: the API and the jobs of trading as processes that can be killed at every step, and what they leave."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import aiohttp

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from sandbox.stack.ports import free_ports
from tests.faults.fork_server import Child
from tests.faults.options import Options
from tests.faults.points import Order
from tests.faults.site import Site, open_site
from tests.integration.trading.trading_site import PRICE, age_trades, stock

API, SETTLE = "api", "settle"
SETTINGS = {
    "TRADING_LONGEST_HOLD_MINUTES": "660",
    "TRADING_TIMEOUT_SECONDS": "10",
    "TRADING_PATIENCE_SECONDS": "2",  # a login on a busy machine is no outage
    "TRADING_WAIT_SECONDS": "0.2",
    "NIVODA_REQUESTS_PER_SECOND": "1000",
    "NIVODA_BURST": "1000",
}
DESTINATIONS = "{ answer: destinations { id } }"
HOLD = """mutation ($stone: ID!) { answer: holdCreate(input: {diamondId: $stone, minutes: 600}) {
  hold { databaseId state } userErrors { code } } }"""
EXTEND = """mutation ($hold: ID!) { answer: holdExtend(input: {holdId: $hold}) {
  hold { databaseId state } userErrors { code } } }"""
RELEASE = """mutation ($hold: ID!) { answer: holdRelease(input: {holdId: $hold}) {
  hold { databaseId state } userErrors { code } } }"""
BUY = f"""mutation ($stone: ID!, $key: String!) {{ answer: diamondPurchase(input: {{
  diamondId: $stone, expectedPrice: {PRICE}, idempotencyKey: $key, destinationId: "shop" }}) {{
  purchase {{ databaseId state }} userErrors {{ code }} }} }}"""
# More than any call takes, and more than any hold lasts; less than the supplier's holds do, whose time does not pass.
A_WHILE, HALF_A_DAY = 120.0, 12 * 3600.0
_SECONDS = 30.0
_LOOK_SECONDS = 0.02
# What waits for time or for the jobs. A hold whose purchase is unknown is due for ever: somebody has to look first.
_UNSETTLED = """
    SELECT (
        SELECT count(*) FROM hold_history AS hold
        WHERE state IN ('requested', 'active') OR due_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM purchase_history WHERE diamond_id = hold.diamond_id AND state = 'unknown'
        )
    ) + (SELECT count(*) FROM purchase_history WHERE state = 'pending')
"""

Answer = Mapping[str, Any]


class Shop:
    """Stones, customers, one process of the API. Every stone is used once."""

    def __init__(self, site: Site, stones: list[dict[str, Any]], ids: list[UUID], keys: Mapping[str, str]) -> None:
        self.site = site
        self._stones = stones
        self._ids = ids
        self._keys = keys
        self._numbers = iter(range(len(ids)))
        self._port = free_ports(1)[0]
        self.api: Child | None = None
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS))

    async def close(self) -> None:
        if self.api is not None:
            await self.api.kill()
        await self._session.close()

    def next_stone(self) -> int:
        return next(self._numbers)

    def id_of(self, stone: int) -> UUID:
        return self._ids[stone]

    # Its processes

    async def open(self) -> None:
        """See that a process of the API answers."""
        if self.api is not None and self.api.running:
            return
        self.api = self.site.api(self._port)
        async with asyncio.timeout(_SECONDS):
            # A process that starts tells nobody when it is there.
            while not await self._healthy():  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)

    async def learn_destinations(self) -> None:
        """Have the API's process read the destinations, so that a step passes the same points each time."""
        assert await self.ask(DESTINATIONS)

    async def _healthy(self) -> bool:
        assert self.api is not None
        assert self.api.running, self.api.last_lines(20)
        try:
            async with self._session.get(f"http://127.0.0.1:{self._port}/health") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def ask(self, document: str, client: str = "acme", **variables: str) -> Answer | None:
        """What the API answers; None where its process dies on the way."""
        await self.open()
        body = {"query": document, "variables": variables}
        headers = {"X-API-Key": self._keys[client]}
        try:
            async with self._session.post(
                f"http://127.0.0.1:{self._port}/graphql", json=body, headers=headers
            ) as response:
                found = await response.json()
        except aiohttp.ClientError:
            return None
        answer: Answer | None = (found.get("data") or {}).get("answer")
        return answer if answer is not None else {"errors": [one["extensions"]["code"] for one in found["errors"]]}

    async def settle(self) -> int | None:
        """One round of the jobs; the exit code of its process."""
        return await self.site.settle().finish(seconds=_SECONDS)

    async def settle_all(self) -> None:
        """Rounds until nothing is due; what failed becomes due again as time passes."""
        for _ in range(5):
            await self.settle()
            if not await self.due():
                return

    async def due(self) -> int:
        """How many holds wait for the jobs now."""
        return int(await self.site.value("SELECT count(*) FROM hold_history WHERE due_at <= now()"))

    async def set_aside(self) -> None:
        """Leave the jobs nothing to do for the holds and purchases that there are, so that each round does the same.

        Of an active hold, whosever it is, each round would read the end at the supplier, until it is over.
        """
        if await self.site.value(_UNSETTLED):
            await self.wait(HALF_A_DAY)
            await self.settle_all()
        assert not await self.site.value(_UNSETTLED), "the jobs have settled what is over"
        await self.site.fetch("UPDATE hold_history SET due_at = 'infinity' WHERE due_at IS NOT NULL")
        await self.site.fetch("UPDATE purchase_history SET examine_at = 'infinity', reminded_at = now()")

    async def calm(self) -> None:
        """Nobody is to die any more, and the supplier answers: a test that failed must not disturb the next one."""
        self.site.processes.disarm()
        self.site.processes.deaths()
        await self.site.feed("DELETE", "faults")

    def points(self, role: str) -> Iterator[Order]:
        """Every point that a role has passed since that was forgotten, each as often as it was."""
        passed: Counter[str] = self.site.processes.passed(role)
        for point in sorted(passed):
            yield from (Order(point, number) for number in range(1, passed[point] + 1))

    async def killed(self, order: Order) -> None:
        """Wait for the death that was ordered.

        Raises:
            TimeoutError: nobody dies.
        """
        deaths: list[str] = []
        async with asyncio.timeout(_SECONDS):
            while not deaths:
                deaths = [kill.where for kill in self.site.processes.deaths()]
                await asyncio.sleep(_LOOK_SECONDS)
        assert deaths == [f"{order.point} ({order.occurrence})"]

    # Its records, and the supplier's

    async def wait(self, seconds: float) -> None:
        """Time passes."""
        async with self.site.database.connection() as connection:
            await age_trades(connection, seconds)

    async def at_supplier(self, stone: int) -> str:
        return str((await self.site.truth())[self._stones[stone]["id"]]["availability"])

    async def orders(self, stone: int) -> list[str]:
        """Our numbers of the orders for a stone that the supplier has taken."""
        report = await self.site.feed("GET", "calls")
        items = [
            item
            for order in report["orders"]
            if "refused" not in order["answer"]
            for item in order["arguments"]["items"]
        ]
        return [item["customer_order_number"] for item in items if item["offerId"] == self._stones[stone]["offer_id"]]

    async def holds(self, stone: int) -> list[dict[str, Any]]:
        return await self.site.fetch("SELECT * FROM hold_history WHERE diamond_id = $1", self._ids[stone])

    async def purchases(self, stone: int) -> list[dict[str, Any]]:
        return await self.site.fetch("SELECT * FROM purchase_history WHERE diamond_id = $1", self._ids[stone])

    async def check(self, stone: int) -> None:
        """What must hold of a stone at every moment after the jobs have been there."""
        orders = await self.orders(stone)
        purchases = {str(row["id"]): row["state"] for row in await self.purchases(stone)}
        assert len(orders) <= 1, "a stone is sold once"
        assert set(orders) <= purchases.keys(), "no purchase without a record"
        for number, state in purchases.items():
            assert state in ({"confirmed", "unknown"} if number in orders else {"failed", "unknown"}), (number, state)
        open_holds = [row for row in await self.holds(stone) if row["state"] in {"requested", "active"}]
        assert len(open_holds) <= 1
        assert all(row["state"] == "active" for row in open_holds), "every request has been settled"
        word = await self.at_supplier(stone)
        if word == "HOLD":
            assert open_holds or "unknown" in purchases.values(), "the supplier holds nothing that is over here"
        assert (word == "SOLD") == bool(orders)
        await self._check_events(stone)
        await self._check_alerts(stone)

    async def _check_alerts(self, stone: int) -> None:
        """What a row says of an alert is true: it was stored in the same transaction."""
        for row in await self.purchases(stone):
            rows = await self.site.fetch(
                "SELECT kind FROM alerts WHERE content::text LIKE '%' || $1 || '%'", str(row["id"])
            )
            kinds = Counter(one["kind"] for one in rows)
            assert kinds["purchases_unanswered"] == int(row["reminded_at"] is not None)
            assert kinds["purchase_evidence"] == int(row["order_item_seen"] is not None)
            assert kinds["purchase_unknown"] <= 1

    async def _check_events(self, stone: int) -> None:
        """Each row's last event is the one of the state that it is in."""
        events = await self.site.fetch(
            "SELECT kind, hold_id, purchase_id FROM event_log WHERE diamond_ids @> ARRAY[$1::uuid] ORDER BY id",
            self._ids[stone],
        )
        states = {"active": {"hold_activated", "hold_extended"}}
        for row in await self.holds(stone):
            last = [one["kind"] for one in events if one["hold_id"] == row["id"] and one["kind"].startswith("hold")][-1]
            assert last in states.get(row["state"], {f"hold_{row['state']}"})
        for row in await self.purchases(stone):
            last = [one["kind"] for one in events if one["purchase_id"] == row["id"]][-1]
            # What the supplier accepted is stored as confirmed, beside its later answer.
            state = row["supplier_answer"] or ("ordered" if row["state"] == "confirmed" else row["state"])
            assert last == f"purchase_{state}"


@asynccontextmanager
async def open_shop(stones: int) -> AsyncIterator[Shop]:
    """A shop with so many stones, for the length of a `with`."""
    async with open_site(Options(stones=2 * stones + 100, bad_data=0, settings=SETTINGS), roles=()) as site:
        truth = [one for one in (await site.truth()).values() if one["usable"] and one["availability"] == "AVAILABLE"]
        chosen = truth[:stones]
        ids = await stock(site.stack.environment["DATABASE_URL"], chosen)
        key_service = ApiKeyService(site.database)
        scopes = [Scope.HOLDS_WRITE, Scope.PURCHASES_WRITE]
        keys = {client: (await key_service.create("shop", client, scopes)).key.text for client in ("acme", "globex")}
        shop = Shop(site, chosen, ids, keys)
        try:
            yield shop
        finally:
            await shop.close()
