"""Polling with exponential backoff, for a request that another task or process has sent to the supplier."""

import asyncio
import time
from collections.abc import Callable

_SHORTEST_PAUSE_SECONDS = 0.05
# Many waiting requests must not occupy the connection pool.
_MAX_PAUSE_SECONDS = 0.5


class PollingBackoff:
    """Growing pauses between polls, until a time limit in seconds."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end_at = monotonic() + seconds
        self._pause = _SHORTEST_PAUSE_SECONDS

    @property
    def expired(self) -> bool:
        """Whether the time limit is reached."""
        return self._monotonic() >= self._end_at

    async def pause(self) -> None:
        """Wait before the next poll. The last pause ends at the time limit."""
        await asyncio.sleep(max(0.0, min(self._pause, self._end_at - self._monotonic())))
        self._pause = min(2 * self._pause, _MAX_PAUSE_SECONDS)
