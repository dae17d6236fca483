"""Concurrent clients over several API processes."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.settings import Settings
from sandbox.stack.ports import LOOPBACK, free_ports
from sandbox.stack.process import Process
from tests.environment import environment_of

HOLD = """mutation ($id: ID!) { holdCreate(input: {diamondId: $id}) {
  hold { id state clientId expiresAt } heldUntil userErrors { code message }
} }"""
BUY = """mutation ($input: DiamondPurchaseInput!) { diamondPurchase(input: $input) {
  purchase { id state price { cents } supplierOrderId } currentPrice { cents } heldUntil userErrors { code message }
} }"""
_START_SECONDS = 90.0
_SOURCE = Path(__file__).parents[3]


class ConcurrentClients:
    """Clients with separate keys, distributed over the processes."""

    def __init__(self, addresses: Sequence[str], keys: Sequence[str], http: httpx.AsyncClient) -> None:
        self.addresses = addresses
        self.keys = keys
        self._http = http

    async def ask(
        self, client: int, document: str, *, process: int | None = None, **variables: Any
    ) -> Mapping[str, Any]:
        """The data of a response: its only field."""
        address = self.addresses[(client if process is None else process) % len(self.addresses)]
        response = await self._http.post(
            f"{address}/graphql",
            json={"query": document, "variables": variables},
            headers={"X-API-Key": self.keys[client]},
        )
        body = response.json()
        assert not body.get("errors"), body
        (answer,) = body["data"].values()
        found: Mapping[str, Any] = answer
        return found


@asynccontextmanager
async def open_clients(
    settings: Settings, directory: Path, *, clients: int, processes: int = 4
) -> AsyncIterator[ConcurrentClients]:
    """Start the processes, and create a client for each key."""
    environment = {**os.environ, **environment_of(settings), "LOG_FORMAT": "json", "SHUTDOWN_DELAY_SECONDS": "0"}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=400, max_keepalive_connections=400))
        )
        database = await stack.enter_async_context(Database.open(settings.database))
        key_service = ApiKeyService(database)
        keys = [
            (
                await key_service.create("concurrent", f"client-{number}", [Scope.HOLDS_WRITE, Scope.PURCHASES_WRITE])
            ).key.text
            for number in range(clients)
        ]
        addresses = [f"http://{LOOPBACK}:{port}" for port in free_ports(processes)]

        async def start(address: str) -> None:
            port = address.rpartition(":")[2]
            process = Process(
                f"api-{port}",
                [sys.executable, "-m", "app", "serve", "--host", LOOPBACK, "--port", port],
                log=directory / f"api-{port}.log",
                environment=environment,
                directory=_SOURCE,
            )
            process.start()
            stack.push_async_callback(process.stop)

            async def answers() -> bool:
                try:
                    return (await http.get(f"{address}/health")).status_code == 200
                except httpx.HTTPError:
                    return False

            await process.ready(answers, timeout_seconds=_START_SECONDS)

        await asyncio.gather(*map(start, addresses))
        # Every client is authenticated once and every process is warm, so that all requests arrive concurrently.
        concurrent = ConcurrentClients(addresses, keys, http)
        await asyncio.gather(*(concurrent.ask(number, "{ me { clientId } }") for number in range(clients)))
        yield concurrent
