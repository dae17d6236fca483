"""Leases of tokens on a real Redis: exact sums over processes, few round trips, and exact decisions near the limit."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest
from redis.asyncio import Redis

from inventory.core.token_bucket import BucketSize
from inventory.core.token_lease import LeasedTokenBuckets

# A token is restored after a day: none during a test.
NEVER = 86_400_000_000
LARGE = BucketSize(10_000, NEVER)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def ticks(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        await client.config_resetstat()
        yield client


@pytest.fixture
def buckets(redis: Redis, time: Time) -> list[LeasedTokenBuckets]:
    """Three processes."""
    return [LeasedTokenBuckets(redis, name="test", monotonic=time.ticks) for _ in range(3)]


async def round_trips(redis: Redis) -> int:
    statistics = await redis.info("commandstats")
    return sum(one["calls"] for name, one in statistics.items() if name in {"cmdstat_evalsha", "cmdstat_eval"})


async def test_busy_caller_needs_few_round_trips(buckets: list[LeasedTokenBuckets], redis: Redis) -> None:
    answers = [await buckets[0].take("a", LARGE) for _ in range(1000)]
    assert [answer.left for answer in answers if answer] == list(range(9_999, 8_999, -1))
    assert await round_trips(redis) < 30


async def test_caller_with_few_requests_takes_nothing_in_advance(
    buckets: list[LeasedTokenBuckets], time: Time, redis: Redis
) -> None:
    for _ in range(5):
        await buckets[0].take("a", LARGE)
        time.now += 5
    answer = await buckets[1].take("a", LARGE)
    assert answer is not None
    assert answer.left == 10_000 - 6
    assert await round_trips(redis) >= 6


@pytest.mark.parametrize("seed", range(4))
async def test_processes_never_spend_more_than_bucket_holds(
    buckets: list[LeasedTokenBuckets], time: Time, seed: int
) -> None:
    chance, spent = Random(seed), 0
    bucket = BucketSize(1000, NEVER)
    for _ in range(1500):
        cost = chance.randint(1, 4)
        process = chance.choice(buckets)
        answer = await process.take("a", bucket, cost)
        assert answer is not None
        if answer.available:
            spent += cost
            if chance.random() < 0.3:
                back = chance.randint(0, cost)
                await process.take("a", bucket, -back)
                spent -= back
        assert spent <= 1000
        time.now += chance.choice((0, 0, 0.3, 1.5))
    # Near the limit each request is decided in Redis, and what leases held back is returned.
    assert spent > 990


async def test_concurrent_requests_lose_no_token(buckets: list[LeasedTokenBuckets]) -> None:
    bucket = BucketSize(400, NEVER)
    answers = []
    for _ in range(25):
        answers += await asyncio.gather(*(buckets[turn % 3].take("a", bucket) for turn in range(20)))
    assert sum(bool(answer and answer.available) for answer in answers) == 400


async def test_request_beyond_limit_is_refused_with_what_is_left(buckets: list[LeasedTokenBuckets]) -> None:
    for _ in range(10):
        await buckets[0].take("a", LARGE, 10)
    refused = await buckets[0].take("a", LARGE, 10_000)
    assert refused is not None
    assert (refused.available, refused.left) == (False, 9_900)
    granted = await buckets[0].take("a", LARGE, 9_900)
    assert granted is not None
    assert (granted.available, granted.left) == (True, 0)


async def test_unspent_tokens_return_after_lease(buckets: list[LeasedTokenBuckets], time: Time) -> None:
    for _ in range(10):
        await buckets[0].take("a", LARGE)
    time.now += 10
    await buckets[0].take("a", LARGE)
    other = await buckets[1].take("a", LARGE)
    assert other is not None
    assert other.left == 10_000 - 12


async def test_returned_tokens_never_exceed_capacity(buckets: list[LeasedTokenBuckets]) -> None:
    small = BucketSize(100, 1)  # full again at once
    for _ in range(5):
        await buckets[0].take("a", small, 50)
        await buckets[0].take("a", small, -50)
    refused = await buckets[0].take("a", small, 5101)
    assert refused is not None
    assert (refused.available, refused.left) == (False, 100)
