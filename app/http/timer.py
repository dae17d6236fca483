"""Deadline timer for deadlines that move often and expire rarely."""

import asyncio
from collections.abc import Callable
from math import inf


class DeadlineTimer:
    """Deadline timer. Calls `check` with the loop time when a deadline may have passed; `check` returns the next deadline.

    A later deadline needs no new timer: `check` runs early and returns it. A busy connection moves its deadline with
    every request and needs one timer of the event loop per minute.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, check: Callable[[float], float]) -> None:
        self._loop = loop
        self._check: Callable[[float], float] | None = check
        self._handle: asyncio.TimerHandle | None = None
        self._at = inf

    def expect(self, deadline: float) -> None:
        """Schedule a call of `check` at `deadline` (loop time) or earlier."""
        if deadline < self._at and self._check:
            if self._handle:
                self._handle.cancel()
            self._at = deadline
            self._handle = self._loop.call_at(deadline, self._run)

    def close(self) -> None:
        """Cancel the timer and drop `check`, which usually refers to the owner of the timer (a reference cycle)."""
        self._check = None
        if self._handle:
            self._handle.cancel()
            self._handle = None

    def _run(self) -> None:
        self._handle = None
        self._at = inf
        if self._check:
            self.expect(self._check(self._loop.time()))
