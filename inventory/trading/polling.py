"""Polling of a request that another process has already sent to the supplier."""

import asyncio
import time
from collections.abc import Callable

_SHORTEST_PAUSE_SECONDS = 0.05
# A crowd that waits must not keep the pool of connections busy by looking.
_LONGEST_PAUSE_SECONDS = 0.5


class PollingBackoff:
    """Looks again and again, with pauses that grow, until some time is over."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end_at = monotonic() + seconds
        self._pause = _SHORTEST_PAUSE_SECONDS

    @property
    def over(self) -> bool:
        """Whether it was long enough."""
        return self._monotonic() >= self._end_at

    async def pause(self) -> None:
        """Wait for a while; at the end it is looked once more."""
        await asyncio.sleep(max(0.0, min(self._pause, self._end_at - self._monotonic())))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
