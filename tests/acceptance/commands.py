"""Sandbox commands as an operator starts them, and the absence of leftovers after their end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from inventory.core.settings import Settings

TIMEOUT_SECONDS = 90


def clean_environment() -> dict[str, str]:
    """The environment of the tests without any setting of the inventory."""
    settings = {variable.name for variable in Settings.variables()}
    return {name: value for name, value in os.environ.items() if name not in settings}


def run(*arguments: str, given: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m sandbox arguments` to its end."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "sandbox", *arguments],
        env=clean_environment() | dict(given or {}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


class Command:
    """A running command."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def said(self, words: str, seconds: float = TIMEOUT_SECONDS) -> str:
        """Its standard output up to the line with these words."""
        assert self.process.stdout is not None
        lines: list[str] = []
        async with asyncio.timeout(seconds):
            while words not in "".join(lines[-1:]):
                line = (await self.process.stdout.readline()).decode()
                assert line, (
                    f"it ended with {await self.process.wait()} after {''.join(lines)} {await self.error_output()}"
                )
                lines.append(line)
        return "".join(lines)

    async def error_output(self) -> str:
        """Its standard error after its end."""
        assert self.process.stderr is not None
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return (await self.process.stderr.read()).decode()

    async def ends(self, number: signal.Signals | None = None) -> int:
        """Its exit code, after a signal if one is given."""
        if number is not None:
            self.process.send_signal(number)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await self.process.wait()

    def descendants(self) -> dict[int, str]:
        """All descendant processes: their pids and command lines."""
        found: dict[int, str] = {}
        wanted = [self.process.pid]
        while wanted:
            parent = wanted.pop()
            with suppress(FileNotFoundError, ProcessLookupError):  # it may just have ended
                for child in map(
                    int, Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8").split()
                ):
                    wanted.append(child)
                    found[child] = Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8").replace("\0", " ")
        return found

    def child(self, words: str) -> int:
        """The pid of the descendant with these words in its command line."""
        return next(number for number, line in self.descendants().items() if words in line)


@asynccontextmanager
async def started(*arguments: str, given: Mapping[str, str] | None = None) -> AsyncIterator[Command]:
    """Run `python -m sandbox arguments`. It is killed at the end of the block if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", *arguments),
        env=clean_environment() | dict(given or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Command(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def alive(number: int) -> bool:
    """Whether a process runs. A zombie does not."""
    try:
        state = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


async def until(condition: Callable[[], bool]) -> None:
    """Poll a condition of other processes."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.02)


async def control(url: str, path: str, body: object = None) -> Any:
    """Send a request to the supplier's control port."""
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.request("GET" if body is None else "POST", f"{url}/control/{path}", json=body) as answer,
    ):
        return await answer.json()


async def retail_prices(database_url: str) -> dict[str, int]:
    """The served stones by supplier id, with prices in cents."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        rows = await connection.fetch(
            "SELECT supplier_stone_id, retail_price_cents FROM inventory.diamonds WHERE status = 'active'"
        )
    finally:
        await connection.close()
    return {row["supplier_stone_id"]: row["retail_price_cents"] for row in rows}


async def expected_prices(control_url: str) -> dict[str, int]:
    """The expected result: each usable stone of the supplier at its price times 1.15, rounded half up to the cent."""
    stones = await control(control_url, "stones?limit=100000")
    return {stone["id"]: (stone["price"] * 115 + 50) // 100 for stone in stones if stone["usable"]}
