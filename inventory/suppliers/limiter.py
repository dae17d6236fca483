"""Rate limiter of supplier calls: a waiting token bucket in Redis for all processes, and a share of it without Redis.

A call reserves the next free slot, sleeps until then, and asks again whether the reservation is still valid. A pause
cancels all reservations, so no process calls during the pause and none rushes when it ends. Slots follow the order of
requests, and a waiting process sends two requests to Redis, however long it waits.

A client that waits for a hold must not queue behind thirty workers. Urgent calls have a second, small bucket: they use
the earlier slot of both and are charged to the common bucket in either case. The common rate therefore holds in the
long run; the small bucket bounds how far it can be exceeded in between.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Self

from redis.asyncio import Redis

from inventory.core.redis_scripts import RedisScript
from inventory.core.settings import Settings

FALLBACK_SHARE = 1 / 30
# The narrow bucket: how many urgent calls may go out at once, and at which share of the common rate after that.
URGENT_BURST = 5
URGENT_SHARE = 1 / 5
_MICROSECONDS = 1_000_000
_NO_RESERVATION = -1

# The state of a bucket is one instant: when its next slot is free. A burst is how far slots may be given ahead of it.
# All times are microseconds of Redis' own clock, so that the clocks of the callers do not matter.
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
        -- The bucket is empty when the pause ends: calls come back one by one.
        free = paused + ahead
    end
elseif reservation ~= epoch then
    free = math.max(free, now)
    wait = math.max(0, free - ahead - now)
    free = free + interval
    if urgent_interval > 0 and wait > 0 then
        urgent = math.max(urgent, now)
        -- No call is made during a pause, however urgent.
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
    """A token bucket in this process: for one process alone, and for one whose Redis is away."""

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`rate`: calls a second; `burst`: calls that may go out at once after a rest."""
        self._interval = 1 / rate
        self._ahead = (burst - 1) * self._interval
        self._monotonic = monotonic
        self._free = 0.0
        self._epoch = 0
        self._paused = 0.0

    async def acquire(self) -> None:
        """Wait until one call may go out."""
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
        """Pause all calls for this long."""
        until = self._monotonic() + seconds
        if until > self._paused:
            self._epoch += 1
            self._paused = until
            self._free = until + self._ahead


class RedisRateLimiter:
    """A token bucket in Redis, shared by every process that uses the same key."""

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
        """`rate`: calls a second of all processes together; `burst`: calls that may go out at once after a rest.

        Without Redis this process alone takes `rate * fallback_share`. `urgent`: a client waits for the answer.
        """
        self._script = RedisScript(redis, _SCRIPT, name="supplier_calls")
        self._key = key
        self._interval = math.ceil(_MICROSECONDS / rate)
        self._ahead = (burst - 1) * self._interval
        narrow = math.ceil(self._interval / URGENT_SHARE)
        self._urgent = [narrow, (URGENT_BURST - 1) * narrow] if urgent else [0, 0]
        self._local = LocalRateLimiter(rate * fallback_share, 1)

    @classmethod
    def of(cls, settings: Settings, redis: Redis, *, urgent: bool = False) -> Self:
        """The one budget of an installation's calls to its supplier."""
        return cls(
            redis,
            f"diamond-inventory:{settings.sync_feed}:calls",
            settings.nivoda_requests_per_second,
            settings.nivoda_burst,
            urgent=urgent,
        )

    async def acquire(self) -> None:
        """Wait until one call may go out."""
        reservation = _NO_RESERVATION
        while True:
            answer = await self._ask(reservation, 0)
            if answer is None:
                return await self._local.acquire()
            wait, epoch = answer
            if wait == 0:
                return None
            await asyncio.sleep(wait / _MICROSECONDS)
            reservation = epoch

    async def pause(self, seconds: float) -> None:
        """Pause all calls of all processes for this long."""
        # Here as well, in case Redis goes away in the meantime.
        await self._local.pause(seconds)
        await self._ask(_NO_RESERVATION, max(1, round(seconds * _MICROSECONDS)))

    async def _ask(self, reservation: int, pause: int) -> tuple[int, int] | None:
        """Return microseconds to wait and the epoch of the reservation; None while Redis is unavailable."""
        arguments = [self._interval, self._ahead, reservation, pause, *self._urgent]
        answer = await self._script.run([self._key], arguments)
        return None if answer is None else (answer[0], answer[1])
