"""One sync as a person starts it: runs the scheduler, follows the run to its end, says why where it did not succeed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from inventory.core.database import Database
from inventory.core.errors import DatabaseUnavailable, InventoryError
from inventory.core.sql import Statements
from inventory.runs import repository
from inventory.runs.models import Run
from sandbox.progress import Display, Moment
from sandbox.stack.process import Process
from sandbox.stack.programs import python_module

T = TypeVar("T")
sql = Statements("sandbox")

_LOOK_SECONDS = 0.1
_OUTAGE_SECONDS = 30.0
_NEXT_STEPS = (
    ("SUPPLIER_SCHEMA", "`diamonds-app doctor supplier` shows what the supplier's schema offers."),
    ("SUPPLIER", "See whether NIVODA_ENDPOINT, NIVODA_USERNAME and NIVODA_PASSWORD are right, then run this again."),
    ("", "Nothing is lost and the watermark has not moved: run this again."),
)


class SyncFailed(InventoryError):
    """The sync did not succeed."""

    code = "SYNC_FAILED"


class SyncRun:
    """A run of one feed from the scheduler's start to the last stone."""

    def __init__(self, database: Database, feed: str, environment: Mapping[str, str], log: Path) -> None:
        """`environment` is the scheduler's; `log` takes what it prints."""
        self._database = database
        self._feed = feed
        self._scheduler = python_module(
            "sync", ["schedule", "--feed", feed, "--json"], name="scheduler", log=log, environment=environment
        )
        self._stones: int | None = None

    async def complete(self, display: Display) -> Run:
        """Start it and wait for its end.

        Raises:
            SyncFailed: it did not succeed; the message says why and what to do.
            DatabaseUnavailable: the database has not answered for half a minute.
        """
        before = await self._patiently(self._newest)
        self._scheduler.start()
        try:
            while True:
                failed = bool(self._scheduler.exit_code)  # looked at first: what it did before its end is then visible
                run = await self._patiently(self._newest)
                if run is not None and before is not None and run.id == before.id:
                    run = None
                if run is not None and not run.is_open:
                    return _succeeded(run)
                if failed:
                    # It may have opened a run before: then not all of its messages are on their way.
                    raise _failed(_last_word(self._scheduler) + (f" (run {run.id} is {run.status})" if run else ""))
                display.at(await self._patiently(partial(self._moment, run)))
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await self._scheduler.stop()

    async def _newest(self) -> Run | None:
        async with self._database.connection() as connection:
            return await repository.newest(connection, self._feed)

    async def _moment(self, run: Run | None) -> Moment:
        if run is None or run.status == "planning":
            return Moment("counting")
        async with self._database.connection() as connection:
            if run.status == "consolidating":
                if self._stones is None:
                    self._stones = await connection.fetchval(sql.stones_of_run, run.feed, run.id)
                return Moment("consolidating", run.upserted + run.unchanged + run.quarantined, self._stones)
            parts = await repository.partitions(connection, run.id)
        # Pages overlap, so more is fetched than was planned: a partition is not further than at its end.
        done = sum(
            part.planned_stones if part.status == "succeeded" else min(part.fetched, part.planned_stones)
            for part in parts
        )
        return Moment("reading", done, sum(part.planned_stones for part in parts))

    @staticmethod
    async def _patiently(look: Callable[[], Awaitable[T]]) -> T:
        """Look into the database; one that is away for a moment is waited for."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _OUTAGE_SECONDS
        while True:
            try:
                return await look()
            except DatabaseUnavailable:
                if loop.time() > until:
                    raise
                await asyncio.sleep(1)


def _succeeded(run: Run) -> Run:
    if run.status != "completed":
        raise _failed(f"{run.error_code}: {run.error_message} (run {run.id} is {run.status})")
    return run


def _failed(reason: str) -> SyncFailed:
    step = next(step for beginning, step in _NEXT_STEPS if reason.startswith(beginning))
    return SyncFailed(f"The sync failed. {reason}\n{step}")


def _last_word(scheduler: Process) -> str:
    return scheduler.last_lines(1) or f"The scheduler ended with exit code {scheduler.exit_code} and no word"
