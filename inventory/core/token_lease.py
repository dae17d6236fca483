"""Leases of tokens: a process takes several tokens from a shared bucket in one round trip, and spends them without Redis.

The rate stays exact: all processes together never spend more than the bucket restores, because a leased token was taken
from it. Each process may hold a lease for `_LEASE_SECONDS`: at most one percent of the capacity, and only while the bucket is
more than half full. For others the bucket is that much emptier; and if it fills up meanwhile, a burst may exceed the capacity
by the leases. In a bucket that is half empty, or of less than 100 tokens, each request is decided in Redis.
"""

import time
from collections.abc import Callable

import msgspec
from cachetools import LRUCache
from redis.asyncio import Redis

from inventory.core.token_bucket import BucketAnswer, BucketSize, RedisTokenBuckets

_SECOND = 1_000_000
_LEASE_SECONDS = 1.0
# Share of the capacity that one lease may hold.
_SHARE = 100
_MAX_LEASES = 10_000
# A lease grows with its use up to the share: a caller with few requests takes no tokens in advance.
_GROWTH = 4


class _Lease(msgspec.Struct):
    """Tokens of one bucket. `full`: microseconds from `taken_at` until the bucket is full; `spent` since then."""

    left: int
    full: int
    taken_at: float
    spent: int = 0


class LeasedTokenBuckets:
    """Buckets by key in Redis, with leases."""

    def __init__(self, redis: Redis, *, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`name`: names the buckets in logs."""
        self._shared = RedisTokenBuckets(redis, name=name, monotonic=monotonic)
        self._monotonic = monotonic
        self._leases: LRUCache[str, _Lease] = LRUCache(_MAX_LEASES)

    async def take(self, key: str, bucket: BucketSize, cost: int = 1, *, peek: bool = False) -> BucketAnswer | None:
        """Take tokens as `RedisTokenBuckets.take`, from the lease if it holds them."""
        if peek:
            return await self._shared.take(key, bucket, cost, peek=True)
        now = self._monotonic()
        lease = self._leases.get(key)
        if (
            lease is not None
            and now - lease.taken_at < _LEASE_SECONDS
            # Returned tokens beyond the share go to the bucket, which holds no more than its capacity.
            and 0 <= lease.left - cost <= max(lease.left, bucket.capacity // _SHARE)
        ):
            lease.left -= cost
            lease.spent += cost
            return _answer(bucket, lease, now)
        return await self._renew(key, bucket, cost, lease, now)

    async def _renew(
        self, key: str, bucket: BucketSize, cost: int, old: _Lease | None, now: float
    ) -> BucketAnswer | None:
        """Take tokens in Redis, and return those that are left of the old lease."""
        self._leases.pop(key, None)
        unspent = old.left if old else 0
        extra = _extra(bucket, old, now, cost)
        answer = await self._shared.take(key, bucket, cost + extra - unspent)
        if answer is not None and not answer.available and extra:
            extra = 0
            answer = await self._shared.take(key, bucket, cost - unspent)
        if answer is None:
            return None
        if not answer.available:
            if unspent:
                self._keep(key, _Lease(unspent, answer.full, now - _LEASE_SECONDS))
            return msgspec.structs.replace(answer, left=answer.left + unspent)
        lease = _Lease(extra, answer.full, now, max(cost, 0))
        self._keep(key, lease)
        return _answer(bucket, lease, now)

    def _keep(self, key: str, lease: _Lease) -> None:
        """Store a lease, with the tokens of one that a concurrent request has stored."""
        other = self._leases.get(key)
        if other is not None:
            lease.left += other.left
            lease.spent += other.spent
        self._leases[key] = lease


def _extra(bucket: BucketSize, old: _Lease | None, now: float, cost: int) -> int:
    """How many tokens to take in advance: none for a caller with few requests, or from a bucket that is half empty."""
    if old is None or cost <= 0 or now - old.taken_at > 2 * _LEASE_SECONDS:
        return 0
    if _answer(bucket, old, now).left <= bucket.capacity // 2:
        return 0
    return min(bucket.capacity // _SHARE, _GROWTH * (old.spent + cost))


def _answer(bucket: BucketSize, lease: _Lease, now: float) -> BucketAnswer:
    """The answer of the bucket as if the unspent tokens of the lease were in it."""
    full = max(0, lease.full - int((now - lease.taken_at) * _SECOND) - lease.left * bucket.interval)
    return BucketAnswer(True, bucket.capacity - -(-full // bucket.interval), 0, full)
