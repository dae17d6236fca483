"""Supervisor of an installation: restarts processes that end, with growing delays, and reports it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from sandbox.stack.ports import PortInUse
from sandbox.stack.process import Process, ProcessFailed
from sandbox.stack.server import Server

Report = Callable[[str], None]

WRONG_SETTING = 2  # exit code of a process whose restart cannot help

_POLL_SECONDS = 0.2
_FIRST_PAUSE_SECONDS = 0.2
_MAX_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 10.0  # after this time the delay is the first one again
_MAX_FAILURES = 5


class SupervisedProcess:
    """Process that is restarted when it ends, with its recent failures."""

    def __init__(self, present: Callable[[], Process | None], start: Callable[[], Awaitable[None]]) -> None:
        self._present = present
        self._start = start
        self._failures = 0
        self._started_at = asyncio.get_running_loop().time()
        self._start_at: float | None = None

    async def check(self, report: Report) -> None:
        """Note the end of the process, or restart it when the delay is over.

        Raises:
            ProcessFailed: a restart does not help: a setting is invalid, or the process fails each time.
        """
        process = self._present()
        now = asyncio.get_running_loop().time()
        if process is None or process.running:
            return
        if self._start_at is None:
            self._start_at = now + self._pause(process, now)
            report(f"{process.name} ended with exit code {process.exit_code}; it will be restarted.")
        elif now >= self._start_at:
            self._start_at, self._started_at = None, now
            try:
                await self._start()
            except (ProcessFailed, PortInUse) as error:
                report(error.message)

    def _pause(self, process: Process, now: float) -> float:
        self._failures = 1 if now - self._started_at > _STEADY_SECONDS else self._failures + 1
        code = process.exit_code or 0
        # A signal came from outside, so it is not counted as a failure.
        if code == WRONG_SETTING or (code > 0 and self._failures >= _MAX_FAILURES):
            raise ProcessFailed(process, f"ended with exit code {code}, and a restart does not help")
        return min(_FIRST_PAUSE_SECONDS * 2.0 ** (self._failures - 1), _MAX_PAUSE_SECONDS)


def supervised_program(process: Process) -> SupervisedProcess:
    """Supervise a process."""

    async def start() -> None:
        process.start()

    return SupervisedProcess(lambda: process, start)


def supervised_server(server: Server) -> SupervisedProcess:
    """Supervise a server. It restarts on the same ports, without the data that it had in memory."""
    return SupervisedProcess(lambda: server.process, server.start)


async def supervise(members: Sequence[SupervisedProcess], report: Report) -> NoReturn:
    """Restart the processes that end, until a restart does not help.

    Raises:
        ProcessFailed: see `SupervisedProcess.check`.
    """
    while True:
        for member in members:
            await member.check(report)
        await asyncio.sleep(_POLL_SECONDS)
