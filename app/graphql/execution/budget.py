"""What a key may spend: a bucket in Redis that fills up again, the same for all processes."""

import asyncio
import math
import time
from typing import Self

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from inventory.core.errors import RateLimited
from inventory.core.logging import get_logger

log = get_logger()

_REDIS_SECONDS = 0.5
_PROBE_SECONDS = 1.0
_PREFIX = "diamond-inventory:graphql-budget:"

# Takes ARGV[3] from the bucket if it holds so much; a negative amount is given back. Time is Redis' own, so that the
# clocks of the processes do not matter. Answers whether it was taken, and what is left (as text: Lua's numbers that
# leave are cut to integers).
_SCRIPT = """
local max, rate, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local state = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = tonumber(state[1]) or max
local at = tonumber(state[2]) or now
left = math.min(max, left + math.max(0, now - at) * rate)
local taken = 0
if amount <= left then
    taken = 1
    left = math.min(max, left - amount)
end
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((max - left) / rate * 1000) + 1000)
return {taken, tostring(left)}
"""


class ThrottleStatus(msgspec.Struct, frozen=True, rename="camel"):
    """A key's bucket: what it holds at most and now, and how much comes back each second."""

    max: int
    available: int
    restore_rate: int


class CostBudget:
    """The buckets of all keys. While Redis is unavailable no operation is rejected."""

    def __init__(self, redis: Redis, *, most: int, restore_rate: int) -> None:
        """`most`: what a full bucket holds; `restore_rate`: what comes back each second."""
        self._script = redis.register_script(_SCRIPT)
        self._most = most
        self._restore_rate = restore_rate
        self._away_until = 0.0

    async def take(self, key_id: str, cost: int) -> ThrottleStatus | None:
        """Spend something; returns what is left, None while that is not known.

        Raises:
            RateLimited: there is not so much; `retry_after` says when there will be.
        """
        answer = await self._ask(key_id, cost)
        if answer is None:
            return None
        taken, left = answer
        if not taken:
            wait = max(1, math.ceil((cost - left) / self._restore_rate))
            raise RateLimited(
                f"This costs {cost}, and {int(left)} of {self._most} are left; try again in {wait} seconds.",
                retry_after=wait,
            )
        return self._throttle(left)

    async def give_back(self, key_id: str, cost: int) -> ThrottleStatus | None:
        """Return unspent cost; returns what is left, None while that is not known."""
        answer = await self._ask(key_id, -cost)
        return self._throttle(answer[1]) if answer else None

    def _throttle(self, left: float) -> ThrottleStatus:
        return ThrottleStatus(self._most, int(left), self._restore_rate)

    async def _ask(self, key_id: str, amount: int) -> tuple[bool, float] | None:
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                taken, left = await self._script([_PREFIX + key_id], [self._most, self._restore_rate, amount])
        except (RedisError, OSError) as error:  # a timeout is an OSError
            if self._away_until == 0.0:
                log.warning("graphql budget without redis", error=type(error).__name__)
            self._away_until = time.monotonic() + _PROBE_SECONDS
            return None
        if self._away_until:
            log.info("graphql budget back on redis")
            self._away_until = 0.0
        return bool(taken), float(left)


class CostReservation:
    """What one operation costs: `requested` is taken before it, what it did not need is given back after it."""

    def __init__(self, budget: CostBudget, key_id: str | None, requested: int, throttle: ThrottleStatus | None) -> None:
        self._budget = budget
        self._key_id = key_id
        self._requested = requested
        self._actual = requested
        self._throttle = throttle

    @classmethod
    async def open(cls, budget: CostBudget, key_id: str | None, requested: int) -> Self:
        """Take what an operation may cost. An operation without a key costs nothing: that is for development.

        Raises:
            RateLimited: the key does not have so much now.
        """
        throttle = await budget.take(key_id, requested) if key_id else None
        return cls(budget, key_id, requested, throttle)

    async def settle(self, actual: int) -> None:
        """Give back what it did not cost."""
        self._actual = actual
        if self._key_id and actual < self._requested:
            self._throttle = await self._budget.give_back(self._key_id, self._requested - actual) or self._throttle

    def shown(self) -> dict[str, object]:
        """As the answer's `extensions.cost` has it."""
        return {"requested": self._requested, "actual": self._actual, "throttle": self._throttle}
