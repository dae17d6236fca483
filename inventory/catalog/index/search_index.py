"""Search index of a process: builds the table from Postgres and applies changes."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple, NoReturn, TypeVar
from uuid import UUID

from inventory.catalog.index import statements
from inventory.catalog.index.page_plans import PagePlans
from inventory.catalog.index.table import IndexTable, PagePlan
from inventory.catalog.search import DiamondCriteria, PageOffset, PageWindow, SortOrder
from inventory.core.database import Connection, Database
from inventory.core.errors import CursorExpired, CursorUnknown, Unavailable
from inventory.core.logging import get_logger
from inventory.events import log
from inventory.events.cursors import Cursor

logger = get_logger()

Result = TypeVar("Result")

_POLL_SECONDS = 1.0
_PAUSE_SECONDS = 1.0
# Maximum time that a search waits for the index to catch up. Then Postgres executes the search.
_CATCH_UP_SECONDS = 1.0
_BATCH = 2_000
_LOWEST = UUID(int=0)


class _State(NamedTuple):
    """State of the data in Postgres. `complete`: every feed has a completed run, so all changes have events."""

    version: str
    feeds: frozenset[str]
    complete: bool


class SearchIndex:
    """Table of a process with its age and size, and the single thread that reads and changes it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search-index")
        self._table: IndexTable | None = None
        self._built = asyncio.Event()
        self._cursor = Cursor(0, 0)
        self._feeds: frozenset[str] = frozenset()
        self._woken = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._checked_at = 0.0
        self._plans = PagePlans()

    @property
    def ready(self) -> bool:
        """Whether searches may use the index."""
        return self._table is not None

    @property
    def age_seconds(self) -> float | None:
        """Seconds since the index had the newest version of the data. None while it is not ready."""
        return time.monotonic() - self._checked_at if self._table is not None else None

    @property
    def stones(self) -> int:
        """Number of indexed diamonds."""
        return len(self._table) if self._table is not None else 0

    @property
    def size_bytes(self) -> int:
        """Memory of the columns."""
        return self._table.size_bytes if self._table is not None else 0

    async def compute(self, work: Callable[[IndexTable], Result]) -> tuple[Result, str] | None:
        """Run a function in the thread of the index. Returns the result and its data version; None while not ready."""
        table = self._table
        if table is None:
            return None
        value, version = await self._run(lambda: (work(table), table.version))
        return None if version is None else (value, version)

    async def page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset
    ) -> tuple[PagePlan, str] | None:
        """Find the positions of a page. Returns them and their data version; None while not ready.

        A repeated search needs neither the thread nor the columns.
        """
        table = self._table
        if table is None:
            return None
        key = self._plans.key(criteria, order, stretch)
        plan = self._plans.get(key)
        if plan is not None and table.version is not None:
            return plan, table.version
        changes = self._plans.changes
        found = await self.compute(lambda table: table.page(criteria, order, stretch))
        if found is not None and changes == self._plans.changes:
            self._plans.put(key, found[0])
        return found

    async def catch_up(self) -> None:
        """Wait until the index has applied the changes committed before the call, at most one second."""
        if self._table is None:
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._woken.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CATCH_UP_SECONDS):
                await waiting

    async def built(self) -> None:
        """Wait until the index is ready."""
        await self._built.wait()

    def discard(self) -> None:
        """Drop a table that contradicts Postgres. The index builds a new one."""
        logger.error("search_index_contradicted")
        self._use(None)
        self._woken.set()

    async def run(self) -> NoReturn:
        """Build the table and apply changes until cancelled. Wait while the database is unavailable."""
        failing = False
        try:
            while True:
                self._woken.clear()
                waiting, self._waiting = self._waiting, []
                try:
                    await self._advance()
                except Exception as error:
                    if not failing:
                        logger.warning("search_index_update_failed", exc_info=not isinstance(error, Unavailable))
                    failing = True
                else:
                    failing = False
                finally:
                    _resolve(waiting)
                if failing:
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._woken.wait()
        finally:
            _resolve(self._waiting)
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _advance(self) -> None:
        """Update the table to the newest version of the data, or build it."""
        begun = time.monotonic()
        async with self._database.bounded() as connection:
            state = await _state(connection)
        if not state.complete:
            self._use(None)
            return
        table = self._table
        if table is None or state.feeds != self._feeds:
            self._use(None)
            await self._build()
            return
        if table.version != state.version:
            try:
                await self._follow(table, state.version)
            except (CursorExpired, CursorUnknown) as error:
                logger.warning("search_index_rebuilt", reason=error.code)
                self._use(None)
                await self._build()
                return
        self._checked_at = begun

    async def _build(self) -> None:
        begun = time.monotonic()
        async with self._database.bounded() as connection:
            await log.number(connection)
            self._cursor = await log.newest(connection)
            state = await _state(connection)
        if not state.complete:
            return
        table, parts, after = await self._run(IndexTable), [], _LOWEST
        while True:
            async with self._database.bounded() as connection:
                rows = await connection.fetch(statements.ROWS, after, _BATCH)
            if not rows:
                break
            after = rows[-1]["id"]
            parts.append(await self._run(lambda rows=rows: table.encode(rows)))  # type: ignore[misc]  # bound now
        await self._run(lambda: table.append(parts))
        # Changes committed during the build have events after the cursor.
        await self._follow(table, None)
        self._feeds, self._checked_at = state.feeds, begun
        self._use(table)
        logger.info(
            "search_index_built",
            stones=len(table), size_bytes=table.size_bytes, seconds=round(time.monotonic() - begun, 3),
        )  # fmt: skip

    async def _follow(self, table: IndexTable, version: str | None) -> None:
        """Apply all changes. `version`: data version before the changes are read.

        Raises:
            CursorExpired: events that were not applied have been pruned.
            CursorUnknown: the event log was reset.
        """
        async with self._database.bounded() as connection:
            if version is None:
                version = (await _state(connection)).version
            await log.number(connection)
            ids, cursor = await _changed(connection, self._cursor)
        table.version = None
        self._plans.clear()
        ordered = sorted(ids)
        for some in (ordered[start : start + _BATCH] for start in range(0, len(ordered), _BATCH)):
            async with self._database.bounded() as connection:
                rows = await connection.fetch(statements.ROWS_OF, some)
            await self._run(lambda some=some, rows=rows: table.replace(some, table.encode(rows)))  # type: ignore[misc]
        # Set last, so that a retry after a failure applies the same changes again.
        self._cursor, table.version = cursor, version

    def _use(self, table: IndexTable | None) -> None:
        """Use a table for searches. None: Postgres executes them."""
        self._table = table
        self._plans.clear()
        if table is None:
            self._built.clear()
        else:
            self._built.set()

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


async def _state(connection: Connection) -> _State:
    rows = await connection.fetch(statements.STATE)
    feeds = frozenset(row["feed"] for row in rows if row["completed"])
    return _State(rows[0]["version"] if rows else "", feeds, complete=bool(rows) and len(feeds) == len(rows))


async def _changed(connection: Connection, cursor: Cursor) -> tuple[set[UUID], Cursor]:
    """Diamonds of all events after a cursor and of expired holds, and the cursor of the newest event."""
    after = await log.resume(connection, cursor)
    newest = await log.newest(connection)
    rows = await connection.fetch(statements.CHANGED, after, newest.position)
    return {row["diamond_id"] for row in rows}, newest


def _resolve(waiting: Sequence[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
