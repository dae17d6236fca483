"""Token buckets in Redis, shared by all processes, and the same algorithm in one process."""

import time
from collections.abc import Callable
from importlib.resources import files

import msgspec
from cachetools import LRUCache
from redis.asyncio import Redis

from inventory.core.redis_scripts import RedisScript

_SOURCE = files("inventory.core").joinpath("token_bucket.lua").read_text("utf-8")
_SECOND = 1_000_000
_MAX_LOCAL = 10_000


class BucketSize(msgspec.Struct, frozen=True):
    """Size of a bucket. `capacity`: tokens; `interval`: microseconds until one token is restored."""

    capacity: int
    interval: int

    @classmethod
    def of(cls, capacity: int, per_second: float) -> "BucketSize":
        """A bucket that restores `per_second` tokens."""
        return cls(capacity, max(1, round(_SECOND / per_second)))


class BucketAnswer(msgspec.Struct, frozen=True):
    """Whether the cost was available; tokens left; microseconds until the cost is available and until the bucket is full."""

    available: bool
    left: int
    wait: int
    full: int


class RedisTokenBuckets:
    """Buckets by key in Redis."""

    def __init__(self, redis: Redis, *, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`name`: names the buckets in logs."""
        self._script = RedisScript(redis, _SOURCE, name=name, monotonic=monotonic)

    async def take(self, key: str, bucket: BucketSize, cost: int = 1, *, peek: bool = False) -> BucketAnswer | None:
        """Take tokens if they are available; a negative cost returns tokens. Returns None while Redis is unavailable.

        `peek`: only report whether the cost is available.
        """
        answer = await self._script.run([key], [bucket.interval, bucket.capacity, cost, int(not peek)])
        if answer is None:
            return None
        available, left, wait, full = answer
        return BucketAnswer(bool(available), left, wait, full)


class LocalTokenBuckets:
    """Buckets by key in this process. Of more than 10,000 keys the least recently used ones start full again."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._full: LRUCache[str, int] = LRUCache(_MAX_LOCAL)

    def take(self, key: str, bucket: BucketSize, cost: int = 1, *, peek: bool = False) -> BucketAnswer:
        """Take tokens if they are available."""
        now = int(self._monotonic() * _SECOND)
        full = max(self._full.get(key, 0), now)
        room = now + bucket.interval * bucket.capacity - full
        used = bucket.interval * cost
        if room < used:
            return BucketAnswer(False, max(0, room // bucket.interval), used - room, full - now)
        if not peek:
            full = max(now, full + used)
            room = now + bucket.interval * bucket.capacity - full
            self._full[key] = full
        return BucketAnswer(True, room // bucket.interval, 0, full - now)
