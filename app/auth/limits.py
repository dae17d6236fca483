"""How often a caller may ask: budgets in Redis for all processes, and a cautious share of them while Redis is away."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from importlib.resources import files
from math import ceil
from time import monotonic
from types import MappingProxyType

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from inventory.core.errors import RateLimited
from inventory.core.logging import get_logger
from inventory.core.settings import Settings

log = get_logger()

_SCRIPT = files("app.auth").joinpath("limit.lua").read_text("utf-8")
_MINUTE = 60_000_000
_SECOND = 1_000_000
_MOST_LOCAL = 10_000
# After Redis has timed out, the other requests do not wait for it during the next second.
_LONG_SECONDS, _REST_SECONDS = 0.1, 1.0


class RequestLimit(msgspec.Struct, frozen=True):
    """A limit of requests per minute, and as many at once after a quiet minute."""

    name: str
    per_minute: int

    @property
    def interval(self) -> int:
        """Microseconds that one request uses up."""
        return max(1, _MINUTE // self.per_minute)


class RequestLimits(msgspec.Struct, frozen=True):
    """The budgets of a caller; that of failed logins is a client address's."""

    reads: RequestLimit
    writes: RequestLimit
    failures: RequestLimit
    local_share: float

    @classmethod
    def of(cls, settings: Settings) -> "RequestLimits":
        """The budgets that the settings ask for."""
        return cls(
            RequestLimit("reads", settings.rate_limit_reads_per_minute),
            RequestLimit("writes", settings.rate_limit_writes_per_minute),
            RequestLimit("failures", settings.rate_limit_failures_per_minute),
            settings.rate_limit_local_share,
        )


class RateLimitDecision(msgspec.Struct, frozen=True):
    """Whether a request may pass. `retry_after` and `reset`: seconds until one may again, and until all may."""

    budget: RequestLimit
    passes: bool
    remaining: int
    retry_after: int
    reset: int

    @classmethod
    def of(cls, budget: RequestLimit, passes: bool, remaining: int, retry: int, reset: int) -> "RateLimitDecision":
        """From microseconds, rounded up: a client that waits so long finds room."""
        return cls(budget, passes, remaining, ceil(retry / _SECOND), ceil(reset / _SECOND))

    @property
    def headers(self) -> Mapping[str, str]:
        """The message for the caller."""
        told = {
            "RateLimit-Limit": f"{self.budget.per_minute}",
            "RateLimit-Remaining": f"{self.remaining}",
            "RateLimit-Reset": f"{self.reset}",
        }
        return MappingProxyType(told if self.passes else {**told, "Retry-After": f"{max(1, self.retry_after)}"})

    def check(self) -> None:
        """Refuse what may not pass.

        Raises:
            RateLimited: the message says when to come back.
        """
        if not self.passes:
            seconds = max(1, self.retry_after)
            raise RateLimited(f"Too many requests. Try again in {seconds} s.", retry_after=seconds)


class LocalBuckets:
    """The same algorithm in this process. Bounded: of very many callers the ones that were quiet longest start anew."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._full: OrderedDict[str, int] = OrderedDict()

    def ask(self, name: str, budget: RequestLimit, *, counts: bool) -> RateLimitDecision:
        """Decide about one request."""
        now = int(self._ticks() * _SECOND)
        full = max(self._full.get(name, 0), now)
        room = now + budget.interval * budget.per_minute - full
        if room < budget.interval:
            return RateLimitDecision.of(budget, False, 0, budget.interval - room, full - now)
        if counts:
            full += budget.interval
            room -= budget.interval
            self._full[name] = full
            self._full.move_to_end(name)
            while len(self._full) > _MOST_LOCAL:
                self._full.popitem(last=False)
        return RateLimitDecision.of(budget, True, room // budget.interval, 0, full - now)


class RequestRateLimiter:
    """Decides who may ask once more."""

    def __init__(self, redis: Redis, budgets: RequestLimits, ticks: Callable[[], float] = monotonic) -> None:
        self.budgets = budgets
        self._script = redis.register_script(_SCRIPT)
        self._ticks = ticks
        self._local = LocalBuckets(ticks)
        self._rests_until = 0.0

    async def take(self, budget: RequestLimit, caller: str) -> RateLimitDecision:
        """Count a request of a caller against a budget."""
        return await self._ask(budget, caller, counts=True)

    async def peek(self, budget: RequestLimit, caller: str) -> RateLimitDecision:
        """Whether a request of a caller would pass. Counts nothing."""
        return await self._ask(budget, caller, counts=False)

    async def _ask(self, budget: RequestLimit, caller: str, *, counts: bool) -> RateLimitDecision:
        # Hashed, so that a caller can't choose the length of our keys.
        name = f"diamond-inventory:limit:{budget.name}:{hashlib.sha256(caller.encode()).hexdigest()[:32]}"
        asked_at = self._ticks()
        if asked_at >= self._rests_until:
            try:
                passes, *figures = await self._script([name], [budget.interval, budget.per_minute, int(counts)])
                return RateLimitDecision.of(budget, bool(passes), *figures)
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("rate limits are local", cause=repr(error))
                now = self._ticks()
                if now - asked_at > _LONG_SECONDS:
                    self._rests_until = now + _REST_SECONDS
        share = RequestLimit(budget.name, max(1, int(budget.per_minute * self.budgets.local_share)))
        return self._local.ask(name, share, counts=counts)
