"""Trading site for fault tests: API and trading jobs as processes that can be killed at every step, and their state."""

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
from tests.faults.points import KillOrder
from tests.faults.site import Site, open_site
from tests.integration.trading.trading_site import PRICE, age_trades, stock

API, SETTLE = "api", "settle"
SETTINGS = {
    "TRADING_LONGEST_HOLD_MINUTES": "660",
    "TRADING_TIMEOUT_SECONDS": "10",
    "TRADING_PATIENCE_SECONDS": "2",  # a slow login is no outage
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
# Longer than any call and any hold. Shorter than the supplier's holds, whose time does not pass.
A_WHILE, HALF_A_DAY = 120.0, 12 * 3600.0
_SECONDS = 30.0
_LOOK_SECONDS = 0.02
# Work that waits for time or the jobs. A hold with an unknown purchase stays due until an operator resolves it.
_UNSETTLED = """
    SELECT (
        SELECT count(*) FROM hold_history AS hold
        WHERE state IN ('requested', 'active') OR due_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM purchase_history WHERE diamond_id = hold.diamond_id AND state = 'unknown'
        )
    ) + (SELECT count(*) FROM purchase_history WHERE state = 'pending')
"""

Answer = Mapping[str, Any]


class TradingSite:
    """Stones, clients, one API process. Every stone is used once."""

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

    # Processes

    async def open(self) -> None:
        """Ensure that an API process responds."""
        if self.api is not None and self.api.running:
            return
        self.api = self.site.api(self._port)
        async with asyncio.timeout(_SECONDS):
            # A started process does not announce its readiness.
            while not await self._healthy():  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)

    async def learn_destinations(self) -> None:
        """Let the API read the destinations, so that a step passes the same points each time."""
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
        """The response of the API. None if its process dies before it."""
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
        """One round of the jobs. Returns the exit code of the process."""
        return await self.site.settle().finish(seconds=_SECONDS)

    async def settle_all(self) -> None:
        """Rounds until nothing is due. Failed work becomes due again as time passes."""
        for _ in range(5):
            await self.settle()
            if not await self.due():
                return

    async def due(self) -> int:
        """Number of holds that are due for the jobs."""
        return int(await self.site.value("SELECT count(*) FROM hold_history WHERE due_at <= now()"))

    async def set_aside(self) -> None:
        """Remove all current holds and purchases from the jobs' work, so that each round is the same.

        For every active hold, each round would read its end at the supplier until it is over.
        """
        if await self.site.value(_UNSETTLED):
            await self.wait(HALF_A_DAY)
            await self.settle_all()
        assert not await self.site.value(_UNSETTLED), "the jobs have settled what is over"
        await self.site.fetch("UPDATE hold_history SET due_at = 'infinity' WHERE due_at IS NOT NULL")
        await self.site.fetch("UPDATE purchase_history SET examine_at = 'infinity', reminded_at = now()")

    async def calm(self) -> None:
        """Delete kill orders and supplier faults: a failed test must not affect the next one."""
        self.site.processes.disarm()
        self.site.processes.deaths()
        await self.site.feed("DELETE", "faults")

    def points(self, role: str) -> Iterator[KillOrder]:
        """Every point that a role has passed since the last reset, as often as it was passed."""
        passed: Counter[str] = self.site.processes.passed(role)
        for point in sorted(passed):
            yield from (KillOrder(point, number) for number in range(1, passed[point] + 1))

    async def killed(self, order: KillOrder) -> None:
        """Wait for the ordered kill.

        Raises:
            TimeoutError: no process dies.
        """
        deaths: list[str] = []
        async with asyncio.timeout(_SECONDS):
            while not deaths:
                deaths = [kill.where for kill in self.site.processes.deaths()]
                await asyncio.sleep(_LOOK_SECONDS)
        assert deaths == [f"{order.point} ({order.occurrence})"]

    # Records here and at the supplier

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        async with self.site.database.connection() as connection:
            await age_trades(connection, seconds)

    async def at_supplier(self, stone: int) -> str:
        return str((await self.site.truth())[self._stones[stone]["id"]]["availability"])

    async def orders(self, stone: int) -> list[str]:
        """Our numbers of the orders for a stone that the supplier has accepted."""
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
        """Check the invariants of a stone after the jobs have run."""
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
        """Alerts that a row mentions are stored: in the same transaction."""
        for row in await self.purchases(stone):
            rows = await self.site.fetch(
                "SELECT kind FROM alerts WHERE content::text LIKE '%' || $1 || '%'", str(row["id"])
            )
            kinds = Counter(one["kind"] for one in rows)
            assert kinds["purchases_unanswered"] == int(row["reminded_at"] is not None)
            assert kinds["purchase_evidence"] == int(row["order_item_seen"] is not None)
            assert kinds["purchase_unknown"] <= 1

    async def _check_events(self, stone: int) -> None:
        """Each row's last event matches its state."""
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
            # The supplier's acceptance is stored as confirmed, beside its later answer.
            state = row["supplier_answer"] or ("ordered" if row["state"] == "confirmed" else row["state"])
            assert last == f"purchase_{state}"


@asynccontextmanager
async def open_trading_site(stones: int) -> AsyncIterator[TradingSite]:
    """Open a trading site with this number of stones."""
    async with open_site(Options(stones=2 * stones + 100, bad_data=0, settings=SETTINGS), roles=()) as site:
        truth = [one for one in (await site.truth()).values() if one["usable"] and one["availability"] == "AVAILABLE"]
        chosen = truth[:stones]
        ids = await stock(site.stack.environment["DATABASE_URL"], chosen)
        key_service = ApiKeyService(site.database)
        scopes = [Scope.HOLDS_WRITE, Scope.PURCHASES_WRITE]
        keys = {client: (await key_service.create("shop", client, scopes)).key.text for client in ("acme", "globex")}
        shop = TradingSite(site, chosen, ids, keys)
        try:
            yield shop
        finally:
            await shop.close()
