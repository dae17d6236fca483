"""Storage of the log lines of runs: collected from the log of this process and written in batches."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from uuid import UUID

from inventory.core import logging
from inventory.core.database import Database
from inventory.core.errors import InventoryError
from inventory.runs import run_log
from inventory.runs.run_log import RunLogLine

_PAUSE_SECONDS = 1.0
_LAST_SECONDS = 2.0
_MAX_WAITING = 2000
_BATCH = 500
# Of one run in one process. A supplier that refuses every request must not fill the table.
_MAX_OF_RUN = 2000
_MAX_VALUE_LENGTH = 1000
_NAMED = {"run_id", "timestamp", "level", "role", "event", "trace_id", "exception", "exc_info"}


class RunLogWriter:
    """Collects the log lines that name a run. It loses lines rather than delaying the work: the log itself has all."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[RunLogLine] = deque(maxlen=_MAX_WAITING)
        self._run_id: UUID | None = None
        self._of_run = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database) -> AsyncIterator["RunLogWriter"]:
        """Store the lines of this process until the `with` ends."""
        writer = cls(database)
        writing = asyncio.create_task(writer._run())
        try:
            with logging.observed_by(writer.collect):
                yield writer
        finally:
            writing.cancel()
            await asyncio.wait({writing})
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    await writer.flush()

    def collect(self, event: Mapping[str, object]) -> None:
        """Collect a log event if it names a run."""
        try:
            run_id = UUID(str(event["run_id"]))
        except (KeyError, ValueError):
            return
        if run_id != self._run_id:
            self._run_id, self._of_run = run_id, 0
        self._of_run += 1
        if self._of_run > _MAX_OF_RUN:
            return
        dropped = self._of_run == _MAX_OF_RUN
        self._waiting.append(
            RunLogLine(
                run_id=run_id,
                at=datetime.now(UTC),
                level=str(event.get("level", "info")),
                role=str(event.get("role", "")),
                event="further_lines_dropped" if dropped else str(event.get("event", "")),
                fields={} if dropped else {name: _plain(value) for name, value in event.items() if name not in _NAMED},
            )
        )

    async def flush(self) -> None:
        """Store the collected lines. They stay if the database does not answer."""
        while lines := [self._waiting[index] for index in range(min(_BATCH, len(self._waiting)))]:
            try:
                async with self._database.bounded() as connection:
                    await run_log.add(connection, lines)
            except (InventoryError, TimeoutError):
                return
            for _ in lines:
                self._waiting.popleft()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            await self.flush()


def _plain(value: object) -> object:
    """Return a value that JSON holds. Long texts are shortened; a NUL, which Postgres rejects, is replaced."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)[:_MAX_VALUE_LENGTH].replace("\x00", "\ufffd")
