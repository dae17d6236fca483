"""Rate limits with real servers: by key, kind of request and client address, and without Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from app.auth import keys
from app.auth.limits import RequestLimit, RequestLimits, RequestRateLimiter
from app.auth.scopes import Scope
from app.rest.routes import OPERATIONS
from inventory.core.settings import Settings
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.valkey import Valkey
from tests.integration.api.diamonds import MakeKey, Serve

SEARCH = "/api/v2/diamonds"
Limited = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def limited_api(settings: Settings, serve: Serve) -> Limited:
    """Serve the API with low limits."""

    @asynccontextmanager
    async def start(**limits: Any) -> AsyncIterator[httpx.AsyncClient]:
        names = {f"rate_limit_{name}": value for name, value in limits.items()}
        async with (
            serve(settings.with_values(**names)) as address,
            httpx.AsyncClient(base_url=address) as client,
        ):
            yield client

    return start


async def read(client: httpx.AsyncClient, key: str) -> httpx.Response:
    return await client.get(SEARCH, headers={"X-API-Key": key})


async def test_each_key_has_budget_and_response_headers(limited_api: Limited, make_key: MakeKey) -> None:
    first, second = [await make_key(Scope.DIAMONDS_READ) for _ in range(2)]
    async with limited_api(reads_per_minute=3) as client:
        answers = [await read(client, first) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert {answer.headers["ratelimit-limit"] for answer in answers} == {"3"}
        assert "retry-after" not in answers[0].headers
        refusal = answers[-1]
        assert 1 <= int(refusal.headers["retry-after"]) <= 20
        assert int(refusal.headers["retry-after"]) <= int(refusal.headers["ratelimit-reset"]) <= 60
        assert refusal.json()["error"]["code"] == "RATE_LIMITED"
        assert (await read(client, second)).status_code == 200


async def test_graphql_shares_budget_and_returns_429(limited_api: Limited, make_key: MakeKey) -> None:
    headers = {"X-API-Key": await make_key(Scope.DIAMONDS_READ)}
    async with limited_api(reads_per_minute=2) as client:
        answers = [await client.post("/graphql", json={"query": text}, headers=headers) for text in ("{ x }", "{", "{")]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[-1].json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert "retry-after" in answers[-1].headers


async def test_writes_have_separate_budget(limited_api: Limited, make_key: MakeKey) -> None:
    headers = {"X-API-Key": await make_key(Scope.SYNC_ADMIN, Scope.DIAMONDS_READ)}
    async with limited_api(writes_per_minute=1, reads_per_minute=1) as client:
        body = {"run_type": "full"}
        writes = [await client.post("/api/v2/triggers/scheduler", json=body, headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in writes] == [202, 429]
        assert (await client.get(SEARCH, headers=headers)).status_code == 200


async def test_every_write_operation_uses_write_budget(limited_api: Limited, make_key: MakeKey) -> None:
    headers = {"X-API-Key": await make_key(*Scope)}
    async with limited_api(writes_per_minute=1) as client:
        spent = await client.post("/api/v2/triggers/scheduler", json={"run_type": "full"}, headers=headers)
        assert spent.status_code == 202
        refused = set()
        for operation in OPERATIONS:
            path = operation.path.replace("{id}", "x").replace("{run_id}", "x").replace("{file}", "page.js")
            if (await client.request(operation.method, path, headers=headers)).status_code == 429:
                refused.add(operation.name)
    asks_only = {"showAvailability"}
    assert refused == {operation.name for operation in OPERATIONS if operation.method == "POST"} - asks_only


async def test_two_processes_share_budget(redis_url: str, settings: Settings) -> None:
    async with Redis.from_url(redis_url) as one, Redis.from_url(redis_url) as other:
        limiters = [RequestRateLimiter(redis, RequestLimits.of(settings.auth)) for redis in (one, other)]
        budget = RequestLimit("reads", 4)
        decisions = [await limiters[turn % 2].take(budget, "caller") for turn in range(6)]
        assert [decision.passes for decision in decisions] == [True] * 4 + [False] * 2
        assert [decision.remaining for decision in decisions] == [3, 2, 1, 0, 0, 0]
        assert not (await limiters[0].peek(budget, "caller")).passes
        assert (await limiters[0].peek(budget, "another")).remaining == 4
        await one.script_flush()
        assert not (await limiters[0].take(budget, "caller")).passes


async def test_full_budget_is_deleted_from_redis(redis_url: str, settings: Settings) -> None:
    async with Redis.from_url(redis_url) as redis:
        await RequestRateLimiter(redis, RequestLimits.of(settings.auth)).take(RequestLimit("reads", 60), "caller")
        (name,) = await redis.keys("*")
        assert 0 < await redis.pttl(name) <= 1000


async def test_failed_authentications_of_address_are_limited_and_cached_keys_are_not(
    limited_api: Limited, make_key: MakeKey, statements: list[str]
) -> None:
    known, unknown = [await make_key(Scope.DIAMONDS_READ) for _ in range(2)]
    async with limited_api(failures_per_minute=3) as client:
        assert (await read(client, known)).status_code == 200
        answers = [await read(client, keys.generate().text) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        statements.clear()
        assert (await read(client, keys.generate().text)).status_code == 429
        assert not any("api_keys" in text for text in statements)
        # An invalid signature is a failed authentication, too.
        forged = {"X-Client-Id": "acme", "X-Timestamp": "1", "X-Signature": "0" * 64}
        assert (await client.get(SEARCH, headers=forged)).status_code == 429
        assert (await client.get(SEARCH)).status_code == 401  # a request without credentials is no failure
        assert (await read(client, known)).status_code == 200
        assert (await read(client, unknown)).status_code == 429


async def test_failed_authentications_are_limited_per_address(settings: Settings, serve: Serve) -> None:
    trusting = settings.with_values(rate_limit_failures_per_minute=1, trusted_proxies="127.0.0.1")
    async with serve(trusting) as address, httpx.AsyncClient(base_url=address) as client:

        async def fail(forwarded: str) -> int:
            return (await client.get(SEARCH, headers={"X-API-Key": "bad", "X-Forwarded-For": forwarded})).status_code

        assert [await fail("192.0.2.1"), await fail("192.0.2.1"), await fail("192.0.2.2")] == [401, 429, 401]
        # An IPv6 network counts as one address. The client's own X-Forwarded-For entries are ignored.
        assert [await fail("2001:db8::1"), await fail("2001:db8::2"), await fail("2001:db8:0:1::1")] == [401, 429, 401]
        assert await fail("198.51.100.7, 192.0.2.1") == 429
        # IPv4-mapped IPv6, as a dual-stack socket reports it.
        assert [await fail("::ffff:192.0.2.77"), await fail("::ffff:192.0.2.78"), await fail("::ffff:192.0.2.1")] == [
            401, 401, 429,
        ]  # fmt: skip


async def test_unresponsive_redis_is_retried_only_after_pause(settings: Settings) -> None:
    asked = 0
    now = 0.0

    left = []

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        left.append(asyncio.current_task())
        while await reader.read(65_536):
            pass
        writer.close()
        await writer.wait_closed()

    def ticks() -> float:
        nonlocal now
        now += 0.1  # the duration of each attempt
        return now

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Redis.from_url(f"redis://127.0.0.1:{port}", socket_timeout=0.1) as redis:
        limiter = RequestRateLimiter(redis, RequestLimits.of(settings.auth), ticks)
        seen = []
        for pause in (0, 0, 0, 1):
            now += pause
            assert (await limiter.take(RequestLimit("reads", 1000), "caller")).passes
            seen.append(asked)
    server.close()
    await asyncio.gather(*filter(None, left))
    assert seen[0] == seen[1] == seen[2] < seen[3]


async def test_each_process_grants_share_without_redis(database_url: str, serve: Serve, make_key: MakeKey) -> None:
    with scratch_directory() as directory:
        valkey = Valkey(directory)
        await valkey.start()
        settings = Settings.read(
            database_url=database_url, redis_url=valkey.url(), environment="production",
            rate_limit_reads_per_minute=10, rate_limit_local_share=0.2,
        )  # fmt: skip
        key = await make_key(Scope.DIAMONDS_READ)
        async with serve(settings) as address, httpx.AsyncClient(base_url=address) as client:
            assert (await read(client, key)).headers["ratelimit-limit"] == "10"
            await valkey.stop()
            answers = [await read(client, key) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]
            assert answers[0].headers["ratelimit-limit"] == "2"
            await valkey.start()
            async with asyncio.timeout(30):
                while (await read(client, key)).headers["ratelimit-limit"] != "10":
                    pass  # each request waits for its response
        await valkey.stop()
