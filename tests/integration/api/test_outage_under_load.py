"""Outages under load: every response is correct or a documented error, and service recovers."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.migrate import upgrade
from inventory.core.settings import Settings
from sandbox.stack.postgres import Postgres
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.server import Server
from sandbox.stack.valkey import Valkey
from tests.integration.api.diamonds import Serve, build

pytestmark = pytest.mark.faults

STONES = 5
DIAMOND = build(3)["id"]
GRAPHQL = {"query": "{ diamonds(first: 2, sort: {by: CARAT}) { totalCount nodes { id } } }"}
Break = Callable[[Server], Awaitable[None]]


async def stop(server: Server) -> None:
    await server.stop()


async def start(server: Server) -> None:
    await server.start()


async def freeze(server: Server) -> None:
    for pid in _family(server):
        os.kill(pid, signal.SIGSTOP)


async def thaw(server: Server) -> None:
    for pid in _family(server):
        os.kill(pid, signal.SIGCONT)


def _family(server: Server) -> Sequence[int]:
    """Processes of the server: Postgres has one for each connection."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text("ascii")
    return [server.pid, *map(int, children.split())]


class LoadGenerator:
    """Clients that repeat requests with known results."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.seen: Counter[tuple[str, int]] = Counter()
        self.wrong: list[str] = []
        self._asked = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send requests until the end of the block, which starts under full load."""
        asking = [asyncio.create_task(self._repeat(ask)) for ask in (self._search, self._show, self._graphql) * 3]
        try:
            async with asyncio.timeout(30):
                await self._asked.wait()
            yield
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def round(self) -> None:
        """Send every request once."""
        for ask in (self._search, self._show, self._graphql):
            await ask()

    async def _repeat(self, ask: Callable[[], Awaitable[None]]) -> None:
        while True:
            await ask()
            await asyncio.sleep(0.02)

    async def _search(self) -> None:
        response = await self._client.get("/api/v2/diamonds?limit=2&sort_by=carats")
        self._check("search", response, lambda body: (body["pagination"]["total"], len(body["data"])) == (STONES, 2))

    async def _show(self) -> None:
        response = await self._client.get(f"/api/v2/diamonds/{DIAMOND}")
        self._check("show", response, lambda body: body["data"]["id"] == str(DIAMOND))

    async def _graphql(self) -> None:
        response = await self._client.post("/graphql", json=GRAPHQL)
        self._check("graphql", response, lambda body: body.get("data", {})["diamonds"]["totalCount"] == STONES)

    def _check(self, what: str, response: httpx.Response, is_right: Callable[[Any], bool]) -> None:
        self.seen[what, response.status_code] += 1
        if self.seen.total() > 100:
            self._asked.set()
        body = response.json()
        if response.status_code == 200:
            if "errors" in body or not is_right(body):
                self.wrong.append(response.text)
        elif not (
            response.status_code == 503
            and int(response.headers["retry-after"]) > 0
            and "SERVICE_UNAVAILABLE" in response.text
        ):
            self.wrong.append(f"{response.status_code} {response.headers} {response.text}")


@asynccontextmanager
async def under_load(
    settings: Settings, serve: Serve, database_url: str
) -> AsyncIterator[tuple[LoadGenerator, httpx.AsyncClient]]:
    """The API with five diamonds, and clients that have sent every request once."""
    async with Database.open(settings.database) as database:
        scopes = [Scope.DIAMONDS_READ, Scope.SYNC_ADMIN]
        key = (await ApiKeyService(database).create("shop", "acme", scopes)).key.text
    rows = [build(number) for number in range(1, STONES + 1)]
    connection = await asyncpg.connect(database_url)
    records = [tuple(row.values()) for row in rows]
    await connection.copy_records_to_table("diamonds", records=records, columns=list(rows[0]), schema_name="inventory")
    await connection.close()
    headers = {"X-API-Key": key}
    async with serve(settings) as address, httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as client:
        load = LoadGenerator(client)
        await load.round()
        assert not load.wrong
        assert {status for _, status in load.seen} == {200}
        yield load, client


async def has_status(client: httpx.AsyncClient, path: str, status: str) -> bool:
    return bool((await client.get(path)).json().get("status") == status)


async def limit_is(client: httpx.AsyncClient, limit: int) -> bool:
    return int((await client.get("/api/v2/diamonds")).headers["ratelimit-limit"]) == limit


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Poll for a state that only a response reveals."""
    async with asyncio.timeout(30):
        while not await holds():  # noqa: ASYNC110 - as the line above says
            await asyncio.sleep(0.05)


# How a server fails, how it recovers, and the seconds between.
AWAY = pytest.mark.parametrize(("takes_away", "brings_back", "seconds"), [(stop, start, 20), (freeze, thaw, 6)])


@AWAY
async def test_postgres_outage_returns_correct_responses_or_503_and_recovers(
    redis_url: str, serve: Serve, takes_away: Break, brings_back: Break, seconds: float
) -> None:
    with scratch_directory() as directory:
        postgres = Postgres(directory, durable=False)
        await postgres.start()
        url = await postgres.create_database("diamonds")
        await upgrade(url)
        settings = Settings.read(
            database_url=url, redis_url=redis_url, environment="production", database_timeout_seconds=2
        )
        async with under_load(settings, serve, url) as (load, client), load.running():
            await takes_away(postgres)
            load.seen.clear()
            await asyncio.sleep(seconds / 2)
            refused = await client.get("/ready")
            assert (refused.status_code, refused.json()["error"]["details"]) == (503, {"database": "does not answer"})
            assert (await client.get("/health")).status_code == 200
            await asyncio.sleep(seconds / 2)
            assert all(load.seen[what, 503] > 0 for what in ("search", "show", "graphql"))
            await brings_back(postgres)
            await until(lambda: has_status(client, "/ready", "ready"))
            load.seen.clear()
            for _ in range(3):
                await load.round()
            assert load.wrong == []
            assert load.seen["search", 200] >= 3
        await postgres.stop()


@AWAY
async def test_redis_outage_limits_reads_to_share_and_rejects_jobs(
    database_url: str, serve: Serve, takes_away: Break, brings_back: Break, seconds: float
) -> None:
    with scratch_directory() as directory:
        valkey = Valkey(directory)
        await valkey.start()
        settings = Settings.read(database_url=database_url, redis_url=valkey.url(), environment="production")
        async with under_load(settings, serve, database_url) as (load, client), load.running():
            full = settings.auth.rate_limit_reads_per_minute
            assert await limit_is(client, full)
            await takes_away(valkey)
            load.seen.clear()
            await asyncio.sleep(seconds / 2)
            ready = await client.get("/ready")
            assert (ready.status_code, ready.json()) == (
                200,
                {"status": "degraded", "checks": {"database": "ok", "redis": "does not answer"}},
            )
            assert await limit_is(client, int(full * settings.auth.rate_limit_local_share))
            trigger = await client.post("/api/v2/triggers/scheduler", json={"run_type": "full"})
            assert (trigger.status_code, trigger.headers["retry-after"]) == (503, "5")
            await asyncio.sleep(seconds / 2)
            assert load.wrong == []
            assert {status for _, status in load.seen} == {200}
            assert all(load.seen[what, 200] > 0 for what in ("search", "show", "graphql"))
            await brings_back(valkey)
            await until(lambda: has_status(client, "/ready", "ready"))
            await until(lambda: limit_is(client, full))
            trigger = await client.post("/api/v2/triggers/scheduler", json={"run_type": "full"})
            assert trigger.status_code == 202
            assert load.wrong == []
        await valkey.stop()
