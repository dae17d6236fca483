"""Shared rate limiter on a real server: limit, fairness, pauses, and operation without the server."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog
from redis.asyncio import Redis

from inventory.core import redis_scripts
from inventory.suppliers import limiter as module
from inventory.suppliers.limiter import URGENT_BURST, LocalRateLimiter, RedisRateLimiter
from inventory.suppliers.ports import RateLimiter
from sandbox.stack.valkey import Valkey

RATE, BURST = 200.0, 20
Make = Callable[[float, int], RateLimiter]


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url, socket_timeout=5) as client:
        yield client


@pytest.fixture(params=["redis", "local"])
def make(request: pytest.FixtureRequest, redis: Redis) -> Make:
    """Both implementations. The one in Redis is used through eight limiters, as by eight processes."""
    if request.param == "local":
        return LocalRateLimiter
    return lambda rate, burst: RotatingLimiters([RedisRateLimiter(redis, "budget", rate, burst) for _ in range(8)])


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Requested sleeps of the limiter. Each returns immediately."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=sleep))
    return slept


class RotatingLimiters:
    """Eight limiters with one key that are used in turn, as by eight processes."""

    def __init__(self, limiters: list[RedisRateLimiter]) -> None:
        self._limiters = limiters
        self._turn = 0

    async def acquire(self) -> None:
        self._turn += 1
        await self._limiters[self._turn % len(self._limiters)].acquire()

    async def pause(self, seconds: float) -> None:
        await self._limiters[0].pause(seconds)


async def finished(actions: list[Awaitable[None]]) -> list[float]:
    """Completion times of the actions, by the clock of this process."""

    async def watch(action: Awaitable[None]) -> float:
        await action
        return time.monotonic()

    return await asyncio.gather(*map(watch, actions))


async def test_concurrent_callers_never_exceed_rate_and_burst(make: Make) -> None:
    limiter = make(RATE, BURST)
    calls = 200
    start = time.monotonic()
    ends = sorted(await finished([limiter.acquire() for _ in range(calls)]))
    # Only a lower bound: a slow machine makes the calls later, which is always allowed.
    early = [number for number, end in enumerate(ends, 1) if number > BURST + 1 + RATE * (end - start)]
    assert not early


async def test_burst_is_immediate_and_later_calls_wait(make: Make) -> None:
    # So slow that the second burst is not available during this test on any machine.
    limiter = make(0.001, 5)
    async with asyncio.timeout(30):
        for _ in range(5):
            await limiter.acquire()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await limiter.acquire()


async def test_slots_are_granted_in_order_of_requests(make: Make, sleeps: list[float]) -> None:
    limiter = make(0.001, 1)
    for _ in range(4):
        await limiter.acquire()
    # Each caller waits for its slot, a thousand seconds after the previous one. The test itself takes much less.
    assert [round(seconds, -3) for seconds in sleeps] == [1_000, 2_000, 3_000]


async def test_pause_delays_all_callers_including_waiting_ones(make: Make) -> None:
    limiter = make(20.0, 1)
    await limiter.acquire()
    waiting = [asyncio.create_task(limiter.acquire()) for _ in range(4)]
    await asyncio.sleep(0.01)
    start = time.monotonic()
    await limiter.pause(0.5)
    ends = sorted(await finished([*waiting, limiter.acquire()]))
    assert ends[0] - start >= 0.5


async def test_calls_after_pause_are_spread(make: Make) -> None:
    limiter = make(50.0, 50)
    start = time.monotonic()
    await limiter.pause(0.2)
    ends = sorted(await finished([limiter.acquire() for _ in range(10)]))
    assert ends[-1] - start >= 0.2 + 9 / 50


async def test_shorter_pause_does_not_shorten_longer_one(make: Make) -> None:
    limiter = make(RATE, BURST)
    start = time.monotonic()
    await limiter.pause(0.4)
    await limiter.pause(0.01)
    await limiter.acquire()
    assert time.monotonic() - start >= 0.4


async def test_cancelled_caller_does_not_block_others(make: Make) -> None:
    limiter = make(50.0, 1)
    await limiter.acquire()
    impatient = asyncio.create_task(limiter.acquire())
    patient = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0.005)
    impatient.cancel()
    async with asyncio.timeout(30):
        await patient


async def test_waiting_caller_calls_redis_twice_only(redis: Redis, sleeps: list[float]) -> None:
    limiter = RedisRateLimiter(redis, "budget", 0.001, 1)
    await limiter.acquire()
    await redis.config_resetstat()
    await asyncio.gather(*(limiter.acquire() for _ in range(3)))
    statistics = await redis.info("commandstats")
    assert len(sleeps) == 3
    assert statistics["cmdstat_evalsha"]["calls"] == 6


async def test_budgets_of_different_keys_are_independent_and_expire(redis: Redis) -> None:
    first, second = (RedisRateLimiter(redis, key, 0.001, 1) for key in ("first", "second"))
    await first.acquire()
    async with asyncio.timeout(30):
        await second.acquire()
    assert all([await redis.pttl(key) > 0 for key in ("first", "second")])


class LimiterOutage:
    """A Redis server of the test that can be killed, and a limiter that uses it."""

    def __init__(self, server: Valkey, client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.client = client
        self._capture = structlog.testing.LogCapture()
        monkeypatch.setattr(redis_scripts, "log", structlog.wrap_logger(None, processors=[self._capture]))

    async def kill(self) -> None:
        assert self.server.process is not None
        await self.server.process.kill()

    @property
    def events(self) -> list[str]:
        return [entry["event"] for entry in self._capture.entries]


@pytest.fixture
async def outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LimiterOutage]:
    server = Valkey(tmp_path)
    await server.start()
    # Without a timeout in the client: the limiter must have its own.
    async with Redis.from_url(server.url()) as client:
        yield LimiterOutage(server, client, monkeypatch)
    await server.stop()


async def test_limiter_without_redis_uses_reduced_share_and_logs_once(outage: LimiterOutage) -> None:
    limiter = RedisRateLimiter(outage.client, "budget", 600.0, 100, fallback_share=1 / 30)
    await limiter.acquire()
    await outage.kill()
    start = time.monotonic()
    ends = sorted(await finished([limiter.acquire() for _ in range(6)]))
    # A thirtieth of 600 a second, and no burst.
    assert ends[-1] - start >= 5 / 20
    assert outage.events == ["redis_script_failed"]


async def test_waiting_caller_gets_slot_when_redis_stops(
    outage: LimiterOutage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def kill(_seconds: float) -> None:
        await outage.kill()

    limiter = RedisRateLimiter(outage.client, "budget", 0.001, 1, fallback_share=1)
    await limiter.acquire()
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=kill))
    await limiter.acquire()
    assert outage.events == ["redis_script_failed"]


async def test_pause_is_kept_locally_when_redis_lost_it(outage: LimiterOutage) -> None:
    limiter = RedisRateLimiter(outage.client, "budget", 600.0, 100, fallback_share=1)
    start = time.monotonic()
    await limiter.pause(0.6)
    await outage.kill()
    await limiter.acquire()
    assert time.monotonic() - start >= 0.6


async def test_budget_is_shared_again_when_redis_returns(
    outage: LimiterOutage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_scripts, "_OPEN_SECONDS", 0.02)
    limiter = RedisRateLimiter(outage.client, "budget", 600.0, 100, fallback_share=1)
    await outage.kill()
    await limiter.acquire()
    await outage.server.start()
    async with asyncio.timeout(30):
        while "redis_script_recovered" not in outage.events:
            await limiter.acquire()
    assert await outage.client.exists("budget")
    assert outage.events == ["redis_script_failed", "redis_script_recovered"]


async def test_unresponsive_redis_counts_as_unavailable(outage: LimiterOutage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_scripts, "_TIMEOUT_SECONDS", 0.1)
    limiter = RedisRateLimiter(outage.client, "budget", 600.0, 100, fallback_share=1)
    await limiter.acquire()
    await outage.client.client_pause(60_000)
    async with asyncio.timeout(30):
        await limiter.acquire()
    assert outage.events == ["redis_script_failed"]


async def test_unavailable_redis_is_not_called_for_every_request(
    outage: LimiterOutage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_scripts, "_OPEN_SECONDS", 1_000.0)
    limiter = RedisRateLimiter(outage.client, "budget", 600.0, 100, fallback_share=1)
    asked: list[object] = []
    ask = limiter._script._script

    async def counted(keys: list[str], arguments: list[int]) -> object:
        asked.append(arguments)
        return await ask(keys, arguments)

    monkeypatch.setattr(limiter._script, "_script", counted)
    await outage.kill()
    for _ in range(5):
        await limiter.acquire()
    assert len(asked) == 1


@pytest.mark.parametrize("rate", [0.001, 1 / 3, 25.0, 200.0, 1000.0])
async def test_slots_are_never_closer_than_rate_allows(redis: Redis, sleeps: list[float], rate: float) -> None:
    async def next_free() -> int:
        return int((await redis.hmget("budget", ["free"]))[0])  # type: ignore[misc]  # redis-py types both its clients as one

    limiter = RedisRateLimiter(redis, "budget", rate, 1)
    await limiter.acquire()
    for _ in range(20):
        before = await next_free()
        await limiter.acquire()
        assert await next_free() - before >= 1_000_000 / rate


async def test_urgent_call_skips_queue_and_delays_waiting_callers(redis: Redis, sleeps: list[float]) -> None:
    common = RedisRateLimiter(redis, "budget", 1.0, 1)
    urgent = RedisRateLimiter(redis, "budget", 1.0, 1, urgent=True)
    await asyncio.gather(*(common.acquire() for _ in range(50)))
    assert 48 < max(sleeps) <= 49
    sleeps.clear()
    for _ in range(URGENT_BURST):
        await urgent.acquire()
    assert sleeps == []
    await urgent.acquire()
    # One slot in five seconds, not the fifty of the queue.
    assert 4 < sleeps.pop() <= 5
    await common.acquire()
    assert sleeps.pop() > 50 + URGENT_BURST - 1


async def test_urgent_call_waits_for_end_of_pause(redis: Redis, sleeps: list[float]) -> None:
    urgent = RedisRateLimiter(redis, "budget", 1.0, 1, urgent=True)
    await urgent.pause(40)
    await urgent.acquire()
    assert 39 < sleeps.pop() <= 40
