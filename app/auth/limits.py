"""Rate limits of requests: token buckets in Redis for all processes, and a share of each limit while Redis is unavailable."""

import hashlib
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import ceil
from types import MappingProxyType

import msgspec
from redis.asyncio import Redis

from inventory.core.errors import RateLimited
from inventory.core.settings.access import AuthSettings
from inventory.core.token_bucket import BucketAnswer, BucketSize, LocalTokenBuckets
from inventory.core.token_lease import LeasedTokenBuckets

_SECOND = 1_000_000
_MAX_KEYS = 10_000


class RequestLimit(msgspec.Struct, frozen=True):
    """A limit of requests per minute, and as many at once after a quiet minute."""

    name: str
    per_minute: int

    @property
    def bucket(self) -> BucketSize:
        """The bucket that enforces the limit."""
        return _bucket(self.per_minute)


class RequestLimits(msgspec.Struct, frozen=True):
    """Limits of a caller. Failed logins are counted per client address."""

    reads: RequestLimit
    writes: RequestLimit
    failures: RequestLimit
    local_share: float

    @classmethod
    def of(cls, settings: AuthSettings) -> "RequestLimits":
        """Read the limits from the settings."""
        return cls(
            RequestLimit("reads", settings.rate_limit_reads_per_minute),
            RequestLimit("writes", settings.rate_limit_writes_per_minute),
            RequestLimit("failures", settings.rate_limit_failures_per_minute),
            settings.rate_limit_local_share,
        )


class RateLimitDecision(msgspec.Struct, frozen=True):
    """Whether a request may pass. `retry_after`, `reset`: seconds until one request passes, and until all do."""

    limit: RequestLimit
    passes: bool
    remaining: int
    retry_after: int
    reset: int

    @classmethod
    def of(cls, limit: RequestLimit, answer: BucketAnswer) -> "RateLimitDecision":
        """Round seconds up, so that a client that waits that long succeeds."""
        return cls(limit, answer.available, answer.left, ceil(answer.wait / _SECOND), ceil(answer.full / _SECOND))

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers."""
        headers = {
            "RateLimit-Limit": f"{self.limit.per_minute}",
            "RateLimit-Remaining": f"{self.remaining}",
            "RateLimit-Reset": f"{self.reset}",
        }
        return MappingProxyType(headers if self.passes else {**headers, "Retry-After": f"{max(1, self.retry_after)}"})

    def check(self) -> None:
        """Reject a request that may not pass.

        Raises:
            RateLimited: the message says when to try again.
        """
        if not self.passes:
            seconds = max(1, self.retry_after)
            raise RateLimited(f"Too many requests. Try again in {seconds} s.", retry_after=seconds)


class RequestRateLimiter:
    """Decides whether a caller may send another request."""

    def __init__(self, redis: Redis, limits: RequestLimits, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._shared = LeasedTokenBuckets(redis, name="request_limits", monotonic=monotonic)
        self._local = LocalTokenBuckets(monotonic)

    async def take(self, limit: RequestLimit, caller: str) -> RateLimitDecision:
        """Count a request of a caller."""
        return await self._decide(limit, caller, peek=False)

    async def peek(self, limit: RequestLimit, caller: str) -> RateLimitDecision:
        """Whether a request of a caller would pass, without counting it."""
        return await self._decide(limit, caller, peek=True)

    async def _decide(self, limit: RequestLimit, caller: str, *, peek: bool) -> RateLimitDecision:
        key = _key(limit.name, caller)
        answer = await self._shared.take(key, limit.bucket, peek=peek)
        if answer is None:
            share = RequestLimit(limit.name, max(1, int(limit.per_minute * self.limits.local_share)))
            answer = self._local.take(key, share.bucket, peek=peek)
            return RateLimitDecision.of(share, answer)
        return RateLimitDecision.of(limit, answer)


@lru_cache(_MAX_KEYS)
def _key(name: str, caller: str) -> str:
    """The key of a bucket. The caller is hashed, because clients choose the length of the text."""
    return f"diamond-inventory:limit:{name}:{hashlib.sha256(caller.encode()).hexdigest()[:32]}"


@lru_cache(_MAX_KEYS)
def _bucket(per_minute: int) -> BucketSize:
    return BucketSize.of(per_minute, per_minute / 60)
