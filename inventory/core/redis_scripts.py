"""Redis scripts with a circuit breaker: after a failure, callers do not wait for Redis again for a while."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from inventory.core.logging import get_logger

log = get_logger()

_TIMEOUT_SECONDS = 1.0
_OPEN_SECONDS = 1.0


class RedisScript:
    """A Lua script that is optional: each caller has a fallback."""

    def __init__(
        self,
        redis: Redis,
        source: str,
        *,
        name: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name`: names the script in logs."""
        self._script = redis.register_script(source)
        self._log = log.bind(script=name)
        self._monotonic = monotonic
        # The breaker is open until then; 0 while Redis answers.
        self._open_until = 0.0

    async def run(self, keys: Sequence[str], arguments: Sequence[int]) -> Any | None:
        """Run the script. Returns None if Redis does not answer, and at once while the breaker is open."""
        if self._monotonic() < self._open_until:
            return None
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                answer = await self._script(list(keys), list(arguments))
        except (RedisError, OSError) as error:  # a timeout is an OSError
            if self._open_until == 0.0:
                self._log.warning("redis_script_failed", error=type(error).__name__)
            self._open_until = self._monotonic() + _OPEN_SECONDS
            return None
        if self._open_until:
            self._log.info("redis_script_recovered")
            self._open_until = 0.0
        return answer
