"""Trading with a real database and the simulated supplier."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.suppliers.registry import open_trading_client
from inventory.trading.service import open_trading
from sandbox.supplier.server import DEFAULT_ACCOUNT, Options, Simulator
from tests.integration.api.conftest import serve_api, statements
from tests.integration.trading.trading_site import TradingSite, stock

__all__ = ["statements"]  # a fixture of the API's tests

STONES = 200
# In the inventory.
STOCK = 120


@pytest_asyncio.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(Options(stones=STONES, bad_data_share=0, hold_seconds=96 * 3600)) as running:
        yield running


@pytest.fixture
def settings(database_url: str, redis_url: str, simulator: Simulator) -> Settings:
    return Settings.read(
        database_url=database_url,
        redis_url=redis_url,
        environment="production",
        search_index=False,  # tests change rows without events
        data_version_seconds=0,
        nivoda_endpoint=simulator.endpoint,
        nivoda_username=DEFAULT_ACCOUNT.username,
        nivoda_password=DEFAULT_ACCOUNT.password,
        nivoda_requests_per_second=1000,
        nivoda_burst=1000,
        nivoda_backoff_seconds=0.01,
        nivoda_tries=2,
        trading_timeout_seconds=3,
        trading_patience_seconds=2,
        trading_wait_seconds=1,
        trading_holds_per_client=20,
        trading_holds_per_reference=3,
    )


@pytest_asyncio.fixture
async def site(settings: Settings, simulator: Simulator) -> AsyncIterator[TradingSite]:
    """The supplier's available stones are in the inventory. The supplier has received no request yet."""
    async with (
        httpx.AsyncClient(timeout=30) as http,
        Database.open(settings.database) as database,
        Redis.from_url(settings.redis.need("url"), socket_timeout=5) as redis,
        open_trading_client(settings, redis) as supplier,
        open_trading(settings, database, supplier) as trading,
    ):
        assert supplier is not None
        truth = (await http.get(f"{simulator.control}/control/stones?offset=0&limit={STONES}")).json()
        stones = [one for one in truth if one["usable"] and one["availability"] == "AVAILABLE"][:STOCK]
        ids = await stock(settings.database.need("url"), stones)
        yield TradingSite(simulator, settings, database, supplier, trading, http, stones, ids)


@pytest_asyncio.fixture
async def clients(site: TradingSite) -> AsyncIterator[Mapping[str, httpx.AsyncClient]]:
    """Two trading clients, a read-only client and an operator, with one API."""
    trading = [Scope.DIAMONDS_READ, Scope.HOLDS_WRITE, Scope.PURCHASES_WRITE]
    scopes = {
        "acme": trading,
        "globex": trading,
        "looker": [Scope.DIAMONDS_READ],
        "olga": [*trading, Scope.PURCHASES_ADMIN],
    }
    key_service = ApiKeyService(site.database)
    async with serve_api(site.settings) as address, AsyncExitStack() as stack:
        found = {}
        for name, allowed in scopes.items():
            key = (await key_service.create("test", name, allowed)).key.text
            client = httpx.AsyncClient(base_url=address, headers={"X-API-Key": key}, timeout=60)
            found[name] = await stack.enter_async_context(client)
        yield found
