"""One sync: starts the scheduler, follows the run until it ends, and explains a failure."""

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
from sandbox.progress import Display, ProgressState
from sandbox.stack.process import Process
from sandbox.stack.programs import python_module

T = TypeVar("T")
sql = Statements("sandbox")

_POLL_SECONDS = 0.1
_OUTAGE_SECONDS = 30.0
_NEXT_STEPS = (
    ("SUPPLIER_SCHEMA", "`diamonds-app doctor supplier` shows what the supplier's schema offers."),
    ("SUPPLIER", "Check NIVODA_ENDPOINT, NIVODA_USERNAME and NIVODA_PASSWORD, then run this again."),
    ("", "Nothing is lost and the watermark is unchanged: run this again."),
)


class SyncFailed(InventoryError):
    """The sync did not succeed."""

    code = "SYNC_FAILED"


class SyncRun:
    """Run of one feed, from the start of the scheduler to the end of the consolidation."""

    def __init__(self, database: Database, feed: str, environment: Mapping[str, str], log: Path) -> None:
        """`environment`: of the scheduler. `log`: file for its output."""
        self._database = database
        self._feed = feed
        self._scheduler = python_module(
            "sync", ["schedule", "--feed", feed, "--json"], name="scheduler", log=log, environment=environment
        )
        self._stones: int | None = None

    async def complete(self, display: Display) -> Run:
        """Start the run and wait for its end.

        Raises:
            SyncFailed: the run did not succeed; the message says why and what to do.
            DatabaseUnavailable: the database has not answered for half a minute.
        """
        before = await self._with_retries(self._newest)
        self._scheduler.start()
        try:
            while True:
                failed = bool(self._scheduler.exit_code)  # read before the run, which then shows all that it did
                run = await self._with_retries(self._newest)
                if run is not None and before is not None and run.id == before.id:
                    run = None
                if run is not None and not run.is_open:
                    return _succeeded(run)
                if failed:
                    # The scheduler may have created the run and failed before it sent all messages.
                    raise _failed(_last_message(self._scheduler) + (f" (run {run.id} is {run.status})" if run else ""))
                display.update(await self._with_retries(partial(self._progress, run)))
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            await self._scheduler.stop()

    async def _newest(self) -> Run | None:
        async with self._database.connection() as connection:
            return await repository.newest(connection, self._feed)

    async def _progress(self, run: Run | None) -> ProgressState:
        if run is None:
            return ProgressState("scheduling")
        if run.status == "planning":
            return ProgressState("counting")
        async with self._database.connection() as connection:
            if run.status == "consolidating":
                if self._stones is None:
                    self._stones = await connection.fetchval(sql.stones_of_run, run.feed, run.id)
                return ProgressState("consolidating", run.upserted + run.unchanged + run.quarantined, self._stones)
            parts = await repository.partitions(connection, run.id)
        # Pages overlap, so more is fetched than was planned: a partition is not further than at its end.
        done = sum(
            part.planned_stones if part.status == "succeeded" else min(part.fetched, part.planned_stones)
            for part in parts
        )
        return ProgressState("reading", done, sum(part.planned_stones for part in parts))

    @staticmethod
    async def _with_retries(check: Callable[[], Awaitable[T]]) -> T:
        """Read from the database, and retry while it does not answer."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _OUTAGE_SECONDS
        while True:
            try:
                return await check()
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


def _last_message(scheduler: Process) -> str:
    return scheduler.last_lines(1) or f"The scheduler ended with exit code {scheduler.exit_code} and without a message"
