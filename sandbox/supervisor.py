"""Supervisor of an installation: restarts processes that end, with growing delays, and reports it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from sandbox.stack.ports import PortInUse
from sandbox.stack.process import Process, ProcessFailed
from sandbox.stack.server import Server

Say = Callable[[str], None]

WRONG_SETTING = 2  # the exit code with which every command says that starting it again can't help

_LOOK_SECONDS = 0.2
_FIRST_PAUSE_SECONDS = 0.2
_MAX_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 10.0  # who lived so long begins anew with a short pause
_MAX_FAILURES = 5


class Kept:
    """A process that should run, and how often it lately did not."""

    def __init__(self, present: Callable[[], Process | None], start: Callable[[], Awaitable[None]]) -> None:
        self._present = present
        self._start = start
        self._failures = 0
        self._started_at = asyncio.get_running_loop().time()
        self._start_at: float | None = None

    async def look(self, say: Say) -> None:
        """Note its end, or start it again when it is time.

        Raises:
            ProcessFailed: it can't be helped: a setting is wrong, or it fails each time.
        """
        process = self._present()
        now = asyncio.get_running_loop().time()
        if process is None or process.running:
            return
        if self._start_at is None:
            self._start_at = now + self._pause(process, now)
            say(f"{process.name} ended with exit code {process.exit_code}; it is started again.")
        elif now >= self._start_at:
            self._start_at, self._started_at = None, now
            try:
                await self._start()
            except (ProcessFailed, PortInUse) as error:
                say(error.message)

    def _pause(self, process: Process, now: float) -> float:
        self._failures = 1 if now - self._started_at > _STEADY_SECONDS else self._failures + 1
        code = process.exit_code or 0
        # A signal came from outside, however often: that is no fault of the process.
        if code == WRONG_SETTING or (code > 0 and self._failures >= _MAX_FAILURES):
            raise ProcessFailed(process, f"ended with exit code {code}, and starting it again does not help")
        return min(_FIRST_PAUSE_SECONDS * 2.0 ** (self._failures - 1), _MAX_PAUSE_SECONDS)


def kept_program(process: Process) -> Kept:
    """A program of the stack."""

    async def start() -> None:
        process.start()

    return Kept(lambda: process, start)


def kept_server(server: Server) -> Kept:
    """A server of the stack; it comes back on its ports. What it held in memory is gone, as after any crash."""
    return Kept(lambda: server.process, server.start)


async def keep(members: Sequence[Kept], say: Say) -> NoReturn:
    """Look after them until something can't be helped.

    Raises:
        ProcessFailed: see `Kept.look`.
    """
    while True:
        for member in members:
            await member.look(say)
        await asyncio.sleep(_LOOK_SECONDS)
