"""A deadline that moves often and expires rarely."""

import asyncio
from collections.abc import Callable
from math import inf


class DeadlineTimer:
    """Calls `check` with the present time when a deadline may have passed. `check` returns the next deadline.

    A later deadline needs no new timer: `check` runs once too early and names it. So a busy connection, which moves its
    deadline with every request, costs the event loop one timer in a minute.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, check: Callable[[float], float]) -> None:
        self._loop = loop
        self._check: Callable[[float], float] | None = check
        self._handle: asyncio.TimerHandle | None = None
        self._at = inf

    def expect(self, deadline: float) -> None:
        """Have `check` called at this time at the latest."""
        if deadline < self._at and self._check:
            if self._handle:
                self._handle.cancel()
            self._at = deadline
            self._handle = self._loop.call_at(deadline, self._run)

    def close(self) -> None:
        """Never call `check` again, and forget it: it usually belongs to the owner of the timer."""
        self._check = None
        if self._handle:
            self._handle.cancel()
            self._handle = None

    def _run(self) -> None:
        self._handle = None
        self._at = inf
        if self._check:
            self.expect(self._check(self._loop.time()))
