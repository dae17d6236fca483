"""Rate limiter of supplier calls: a token bucket with reservations in Redis for all processes, and a share without Redis.

A call reserves the next free slot, sleeps until then, and checks whether the reservation is still valid. A pause cancels all
reservations, so no process calls during the pause, and calls resume at the limited rate. Slots follow the order of requests.
A waiting process sends two requests to Redis, regardless of the duration.

A client that waits for a hold must not queue behind thirty workers. Urgent calls have a second, small bucket: they use the
earlier slot of both buckets and are always charged to the common bucket. So the common rate is kept in the long run, and the
small bucket limits the excess.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Self

from redis.asyncio import Redis

from inventory.core.redis_scripts import RedisScript
from inventory.core.settings.nivoda import NivodaSettings

FALLBACK_SHARE = 1 / 30
# The urgent bucket: calls at once, and its share of the common rate.
URGENT_BURST = 5
URGENT_SHARE = 1 / 5
_MICROSECONDS = 1_000_000
_NO_RESERVATION = -1

# The state of a bucket is the instant of its next free slot. A burst is the time by which slots may precede it. All times are
# microseconds of the Redis server's clock, independent of the callers' clocks.
_SCRIPT = """
local interval, ahead = tonumber(ARGV[1]), tonumber(ARGV[2])
local reservation, pause = tonumber(ARGV[3]), tonumber(ARGV[4])
local urgent_interval, urgent_ahead = tonumber(ARGV[5]), tonumber(ARGV[6])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local state = redis.call('HMGET', KEYS[1], 'free', 'epoch', 'paused', 'urgent')
local free = tonumber(state[1]) or 0
local epoch = tonumber(state[2]) or 0
local paused = tonumber(state[3]) or 0
local urgent = tonumber(state[4]) or 0
local wait = 0
if pause > 0 then
    if now + pause > paused then
        epoch = epoch + 1
        paused = now + pause
        -- The bucket is empty at the end of the pause, so calls resume one by one.
        free = paused + ahead
    end
elseif reservation ~= epoch then
    free = math.max(free, now)
    wait = math.max(0, free - ahead - now)
    free = free + interval
    if urgent_interval > 0 and wait > 0 then
        urgent = math.max(urgent, now)
        -- No call is made during a pause, urgent or not.
        local narrow = math.max(0, urgent - urgent_ahead - now, paused - now)
        if narrow < wait then
            wait = narrow
            urgent = urgent + urgent_interval
        end
    end
end
redis.call('HSET', KEYS[1], 'free', free, 'epoch', epoch, 'paused', paused, 'urgent', urgent)
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(free - now, urgent - now, 0) / 1000) + 3600000)
return {math.ceil(wait), epoch}
"""


class LocalRateLimiter:
    """Token bucket of a process: for a single process, and while Redis is unavailable."""

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`rate`: calls per second; `burst`: calls at once after an idle time."""
        self._interval = 1 / rate
        self._ahead = (burst - 1) * self._interval
        self._monotonic = monotonic
        self._free = 0.0
        self._epoch = 0
        self._paused = 0.0

    async def acquire(self) -> None:
        """Wait until a call may be sent."""
        reservation = _NO_RESERVATION
        while reservation != self._epoch:
            reservation = self._epoch
            now = self._monotonic()
            self._free = max(self._free, now)
            wait = self._free - self._ahead - now
            self._free += self._interval
            if wait > 0:
                await asyncio.sleep(wait)

    async def pause(self, seconds: float) -> None:
        """Pause all calls for a number of seconds."""
        until = self._monotonic() + seconds
        if until > self._paused:
            self._epoch += 1
            self._paused = until
            self._free = until + self._ahead


class RedisRateLimiter:
    """Token bucket in Redis, shared by all processes that use the same key."""

    def __init__(
        self,
        redis: Redis,
        key: str,
        rate: float,
        burst: int,
        fallback_share: float = FALLBACK_SHARE,
        *,
        urgent: bool = False,
    ) -> None:
        """`rate`: calls per second of all processes; `burst`: calls at once after an idle time.

        Without Redis, this process has a rate of `rate * fallback_share`. `urgent`: a client waits for the answer.
        """
        self._script = RedisScript(redis, _SCRIPT, name="supplier_calls")
        self._key = key
        self._interval = math.ceil(_MICROSECONDS / rate)
        self._ahead = (burst - 1) * self._interval
        narrow = math.ceil(self._interval / URGENT_SHARE)
        self._urgent = [narrow, (URGENT_BURST - 1) * narrow] if urgent else [0, 0]
        self._local = LocalRateLimiter(rate * fallback_share, 1)

    @classmethod
    def of(cls, settings: NivodaSettings, feed: str, redis: Redis, *, urgent: bool = False) -> Self:
        """Create the rate limiter of an installation's calls to its supplier."""
        return cls(
            redis,
            f"diamond-inventory:{feed}:calls",
            settings.requests_per_second,
            settings.burst,
            urgent=urgent,
        )

    async def acquire(self) -> None:
        """Wait until a call may be sent."""
        reservation = _NO_RESERVATION
        while True:
            answer = await self._reserve(reservation, 0)
            if answer is None:
                return await self._local.acquire()
            wait, epoch = answer
            if wait == 0:
                return None
            await asyncio.sleep(wait / _MICROSECONDS)
            reservation = epoch

    async def pause(self, seconds: float) -> None:
        """Pause all calls of all processes for a number of seconds."""
        # The local bucket is paused too, in case Redis becomes unavailable.
        await self._local.pause(seconds)
        await self._reserve(_NO_RESERVATION, max(1, round(seconds * _MICROSECONDS)))

    async def _reserve(self, reservation: int, pause: int) -> tuple[int, int] | None:
        """Reserve a slot, or pause. Returns microseconds to wait and the reservation's epoch; None without Redis."""
        arguments = [self._interval, self._ahead, reservation, pause, *self._urgent]
        answer = await self._script.run([self._key], arguments)
        return None if answer is None else (answer[0], answer[1])
