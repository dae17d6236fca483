"""Cost budget of API keys: a token bucket in Redis per key, shared by all processes."""

import math
from typing import Self

import msgspec
from redis.asyncio import Redis

from inventory.core.errors import RateLimited
from inventory.core.token_bucket import BucketAnswer, BucketSize
from inventory.core.token_lease import LeasedTokenBuckets

_PREFIX = "diamond-inventory:graphql-budget:"
_SECOND = 1_000_000


class ThrottleStatus(msgspec.Struct, frozen=True, rename="camel"):
    """The bucket of a key: its capacity, what is available now, and what is restored per second."""

    max: int
    available: int
    restore_rate: int


class CostBudget:
    """Budgets of all keys. While Redis is unavailable no operation is rejected."""

    def __init__(self, redis: Redis, *, most: int, restore_rate: int) -> None:
        """`most`: capacity of a bucket; `restore_rate`: cost restored per second."""
        self._buckets = LeasedTokenBuckets(redis, name="cost_budget")
        self._bucket = BucketSize.of(most, restore_rate)
        self._restore_rate = restore_rate

    async def take(self, key_id: str, cost: int) -> ThrottleStatus | None:
        """Take a cost from the budget. Returns None while Redis is unavailable.

        Raises:
            RateLimited: less is available; `retry_after` says when the cost will be.
        """
        answer = await self._buckets.take(_PREFIX + key_id, self._bucket, cost)
        if answer is not None and not answer.available:
            wait = max(1, math.ceil(answer.wait / _SECOND))
            raise RateLimited(
                f"The operation costs {cost}; {answer.left} of {self._bucket.capacity} are available. "
                f"Try again in {wait} seconds.",
                retry_after=wait,
            )
        return self._status(answer)

    async def give_back(self, key_id: str, cost: int) -> ThrottleStatus | None:
        """Return unspent cost. Returns None while Redis is unavailable."""
        return self._status(await self._buckets.take(_PREFIX + key_id, self._bucket, -cost))

    def _status(self, answer: BucketAnswer | None) -> ThrottleStatus | None:
        return ThrottleStatus(self._bucket.capacity, answer.left, self._restore_rate) if answer else None


class CostReservation:
    """Cost of one operation: `requested` is taken before execution, the unspent part is returned after it."""

    def __init__(self, budget: CostBudget, key_id: str | None, requested: int, throttle: ThrottleStatus | None) -> None:
        self._budget = budget
        self._key_id = key_id
        self._requested = requested
        self._actual = requested
        self._throttle = throttle

    @classmethod
    async def open(cls, budget: CostBudget, key_id: str | None, requested: int) -> Self:
        """Take the requested cost. Operations without a key, which development allows, have no budget.

        Raises:
            RateLimited: the key does not have that much available.
        """
        throttle = await budget.take(key_id, requested) if key_id else None
        return cls(budget, key_id, requested, throttle)

    async def settle(self, actual: int) -> None:
        """Return the unspent cost."""
        self._actual = actual
        if self._key_id and actual < self._requested:
            self._throttle = await self._budget.give_back(self._key_id, self._requested - actual) or self._throttle

    def extension(self) -> dict[str, object]:
        """Value of `extensions.cost` in the response."""
        return {"requested": self._requested, "actual": self._actual, "throttle": self._throttle}
