"""One budget of calls for all processes: a token bucket in Redis, and a cautious share of it while Redis is away.

A call reserves the next free slot, sleeps until it comes, and then asks once more whether the reservation still stands:
a pause voids all reservations, so nobody calls into it and nobody rushes when it ends. Slots are given in the order of
asking, so the order is fair, and a waiting process asks twice, however long it waits.
"""

import asyncio
import math
import time
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.core.logging import get_logger

log = get_logger()

FALLBACK_SHARE = 1 / 30
_REDIS_SECONDS = 1.0
_PROBE_SECONDS = 1.0
_MICROSECONDS = 1_000_000
_NO_RESERVATION = -1

# The state of the bucket is one instant: when the next slot is free. A burst is how far slots may be given ahead of it.
# All times are microseconds of Redis' own clock, so that the clocks of the callers do not matter.
_SCRIPT = """
local interval, ahead = tonumber(ARGV[1]), tonumber(ARGV[2])
local reservation, pause = tonumber(ARGV[3]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local state = redis.call('HMGET', KEYS[1], 'free', 'epoch', 'paused')
local free = tonumber(state[1]) or 0
local epoch = tonumber(state[2]) or 0
local paused = tonumber(state[3]) or 0
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
end
redis.call('HSET', KEYS[1], 'free', free, 'epoch', epoch, 'paused', paused)
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(free - now, 0) / 1000) + 3600000)
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
        """Nobody calls for so long."""
        until = self._monotonic() + seconds
        if until > self._paused:
            self._epoch += 1
            self._paused = until
            self._free = until + self._ahead


class RedisRateLimiter:
    """A token bucket in Redis, shared by every process that uses the same key."""

    def __init__(self, redis: Redis, key: str, rate: float, burst: int, fallback_share: float = FALLBACK_SHARE) -> None:
        """`rate`: calls a second of all processes together; `burst`: calls that may go out at once after a rest.

        Without Redis this process alone takes `rate * fallback_share`.
        """
        self._script = redis.register_script(_SCRIPT)
        self._key = key
        self._interval = math.ceil(_MICROSECONDS / rate)
        self._ahead = (burst - 1) * self._interval
        self._local = LocalRateLimiter(rate * fallback_share, 1)
        self._away_until = 0.0

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
        """Nobody calls for so long, in no process."""
        # Here as well, in case Redis goes away in the meantime.
        await self._local.pause(seconds)
        await self._ask(_NO_RESERVATION, max(1, round(seconds * _MICROSECONDS)))

    async def _ask(self, reservation: int, pause: int) -> tuple[int, int] | None:
        """Microseconds to wait and the reservation's epoch, or None while Redis is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                wait, epoch = await self._script([self._key], [self._interval, self._ahead, reservation, pause])
        except (RedisError, OSError) as error:  # a timeout is an OSError
            if self._away_until == 0.0:
                log.warning("rate limiter without redis", error=type(error).__name__)
            self._away_until = time.monotonic() + _PROBE_SECONDS
            return None
        if self._away_until:
            log.info("rate limiter back on redis")
            self._away_until = 0.0
        return wait, epoch
