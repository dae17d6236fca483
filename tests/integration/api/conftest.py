"""The API on a real port, with a database of known diamonds."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from asyncpg.connection import LoggedQuery

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from app.main import create_app
from app.server import Server, listen
from inventory.catalog import grades
from inventory.core.database import Connection, Database
from inventory.core.settings import Settings
from inventory.events.log import sql as events
from sandbox.supplier.server import DEFAULT_ACCOUNT, Options, Simulator
from tests.integration.api.diamonds import Insert, MakeKey, Query, Row, Serve, build
from tests.integration.api.runs import build_partition, build_run


@pytest_asyncio.fixture
async def insert(database_url: str) -> AsyncIterator[Insert]:
    """Insert rows into a table, by default `diamonds`."""
    connection = await asyncpg.connect(database_url, server_settings={"search_path": "inventory"})

    async def insert_rows(rows: Iterable[Row], table: str = "diamonds") -> None:
        listed = list(rows)
        records = [tuple(row.values()) for row in listed]
        await connection.copy_records_to_table(table, records=records, columns=list(listed[0]), schema_name="inventory")

    yield insert_rows
    await connection.close()


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings.read(
        database_url=database_url,
        redis_url=redis_url,
        environment="production",
        # Tests change rows without events.
        search_index=False,
        data_version_seconds=0,
    )


@pytest_asyncio.fixture
async def make_key(settings: Settings) -> AsyncIterator[MakeKey]:
    """Issue API keys with scopes."""
    async with Database.open(settings.database) as database:

        async def make(*scopes: Scope, client_id: str = "test-client") -> str:
            issued = await ApiKeyService(database).create("test", client_id, scopes)
            return issued.key.text

        yield make


@asynccontextmanager
async def serve_api(settings: Settings) -> AsyncIterator[str]:
    """Serve the API on a free port. Returns its address."""
    listener = listen("127.0.0.1", 0)
    server = Server(create_app(settings), settings)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
        assert not serving.done(), "the API did not start"
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.stop()
        await serving


@pytest.fixture
def serve() -> Serve:
    return serve_api


@pytest_asyncio.fixture
async def address(settings: Settings) -> AsyncIterator[str]:
    async with serve_api(settings) as url:
        yield url


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The database of the API."""
    async with Database.open(settings.database) as opened:
        yield opened


@pytest_asyncio.fixture
async def key(make_key: MakeKey) -> str:
    """A key that may read diamonds."""
    return await make_key(Scope.DIAMONDS_READ)


@pytest_asyncio.fixture
async def api(address: str, make_key: MakeKey) -> AsyncIterator[httpx.AsyncClient]:
    """A client that may read diamonds."""
    headers = {"X-API-Key": await make_key(Scope.DIAMONDS_READ)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        yield client


@pytest_asyncio.fixture
async def cost_client(address: str, make_key: MakeKey) -> AsyncIterator[httpx.AsyncClient]:
    """A client that may read diamonds and supplier prices."""
    headers = {"X-API-Key": await make_key(Scope.DIAMONDS_READ, Scope.PRICES_SUPPLIER)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        yield client


@pytest_asyncio.fixture
async def operator(address: str, make_key: MakeKey) -> AsyncIterator[httpx.AsyncClient]:
    """A client that may read and start runs."""
    headers = {"X-API-Key": await make_key(Scope.SYNC_READ, Scope.SYNC_ADMIN)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        yield client


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Statements that the application has sent; the test may clear the list.

    Excludes background statements: reads and numbering of the event log, and type lookups of the driver.
    """
    sent: list[str] = []
    plain = Database.connection
    unasked = {events.number, events.read, events.bounds}

    def note(record: LoggedQuery) -> None:
        if record.query not in unasked and not any(word in record.query for word in ("typeinfo_tree", "'jit'")):
            sent.append(record.query)

    @asynccontextmanager
    async def observed(self: Database) -> AsyncIterator[Connection]:
        async with plain(self) as connection:
            with connection.query_logger(note):
                yield connection

    monkeypatch.setattr(Database, "connection", observed)
    return sent


@pytest.fixture
def query(api: httpx.AsyncClient) -> Query:
    """Send a GraphQL request as the client that may read diamonds. Returns the decoded body without its cost."""

    async def ask(document: str, **variables: Any) -> Mapping[str, Any]:
        response = await api.post("/graphql", json={"query": document, "variables": variables})
        body: Mapping[str, Any] = response.json()
        return {name: member for name, member in body.items() if name != "extensions"}

    return ask


@pytest_asyncio.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(Options(stones=100, bad_data_share=0)) as running:
        yield running


@pytest.fixture
def supplier_settings(database_url: str, redis_url: str, simulator: Simulator) -> Settings:
    """With a supplier, so that stones can be held and purchased, and with high rate limits."""
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
        rate_limit_writes_per_minute=1_000_000,
        rate_limit_failures_per_minute=1_000_000,
    )


@pytest_asyncio.fixture
async def stocked_inventory(simulator: Simulator, insert: Insert) -> None:
    """The supplier's stones in the inventory, with a history."""
    async with httpx.AsyncClient(timeout=30) as client:
        stones = (await client.get(f"{simulator.control}/control/stones?offset=0&limit=100")).json()
    await insert(
        build(
            number,
            supplier_stone_id=stone["id"],
            offer_id=stone["offer_id"],
            color=grades.COLORS[number * 7 % 9],
            clarity=grades.CLARITIES[number * 5 % 8],
            carat_milli=300 + number * 11 % 50,
            lab_grown=number % 3 == 0,
            supplier_price_cents=100_000 + number * 13 % 40,
            retail_price_cents=115_000 + number * 17 % 60,
        )
        for number, stone in enumerate(stones)
        if stone["usable"] and stone["availability"] == "AVAILABLE"
    )
    await insert([build_run(number) for number in (1, 2)], table="run_metadata")
    await insert([build_partition(1, 1), build_partition(1, 2, status="failed")], table="worker_runs")
