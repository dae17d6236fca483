"""Batches of a consolidation: select the stones of a run in the order of their ids, price them, and write what has changed.

Each batch is one transaction on its own connection. While Postgres writes a batch, the next one is selected, priced and
written. The end of a transaction verifies the lease, appends the events and stores the position. Batches end in the order
of their stones, so every stone up to the stored position is written, and nothing is committed after a failed batch.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import asyncpg

from inventory.core.database import Connection, Database
from inventory.core.errors import LeaseLost
from inventory.core.logging import get_logger
from inventory.pricing.rules import PricingRule
from inventory.runs.models import Run
from sync.consolidator.batch import Batch
from sync.consolidator.change_events import ChangeEvents
from sync.runs.statements import sql

log = get_logger()

_AT_ONCE = 2
_OTHER_CONNECTIONS = 2  # of the lease heartbeat, and of the selection of the next batch


async def lock_run(connection: Connection, run_id: UUID, token: UUID) -> None:
    """Verify the consolidator's lease, and lock the run until the end of the transaction.

    Raises:
        LeaseLost: another consolidator has the run, or it has ended.
    """
    if await connection.fetchval(sql.hold_lease, run_id, token) is None:
        raise LeaseLost


class BatchWriter:
    """Writes the stones of one run. `token`: of the consolidator's lease. `size`: stones of a batch."""

    def __init__(
        self,
        database: Database,
        run: Run,
        token: UUID,
        rules: Sequence[PricingRule],
        changes: ChangeEvents,
        *,
        size: int,
        lease_seconds: float,
    ) -> None:
        self._database = database
        self._run = run
        self._token = token
        self._rules = rules
        self._changes = changes
        self._size = size
        self._lease_seconds = lease_seconds

    async def write(self, after: str) -> None:
        """Write all stones after an id. Memory is bounded by three batches.

        Raises:
            LeaseLost: another consolidator has the run, or it has ended. The batches before are written.
        """
        at_once = min(_AT_ONCE, max(1, self._database.size - _OTHER_CONNECTIONS))
        writing: deque[asyncio.Task[None]] = deque()
        try:
            async for rows in self._selected(after):
                if len(writing) == at_once:
                    await writing.popleft()
                previous = writing[-1] if writing else None
                writing.append(asyncio.create_task(self._write(rows, previous)))
            while writing:
                await writing.popleft()
        finally:
            for task in writing:
                task.cancel()
            await asyncio.gather(*writing, return_exceptions=True)

    async def _selected(self, after: str) -> AsyncIterator[Sequence[asyncpg.Record]]:
        while True:
            async with self._database.transaction() as connection:
                await connection.execute(sql.use_indexes)
                rows = await connection.fetch(sql.batch, self._run.feed, self._run.id, after, self._size)
            if not rows:
                return
            after = rows[-1]["supplier_stone_id"]
            yield rows

    async def _write(self, rows: Sequence[asyncpg.Record], previous: asyncio.Task[None] | None) -> None:
        """Write a batch. `previous`: the batch before it, which must be committed first."""
        batch = Batch(rows, self._rules, self._run.feed)
        if not batch.ids and not batch.bad:
            await _committed(previous)
            async with self._database.connection() as connection:
                await self._book(connection, batch, rows)
        else:
            await self._write_changes(batch, rows, previous)
        log.info("batch_consolidated", stones=len(rows), through=rows[-1]["supplier_stone_id"])

    async def _write_changes(
        self, batch: Batch, rows: Sequence[asyncpg.Record], previous: asyncio.Task[None] | None
    ) -> None:
        run = self._run
        quarantined: Sequence[asyncpg.Record] = ()
        upserted: Sequence[asyncpg.Record] = ()
        async with self._database.transaction() as connection:
            now = await connection.fetchval(sql.share_prices, run.feed)
            if batch.bad:
                quarantined = await connection.fetch(sql.quarantine_diamonds, run.feed, batch.bad, now)
            if batch.ids:
                upserted = await connection.fetch(
                    sql.upsert_diamonds, run.feed, batch.ids, batch.retail, batch.ratios, batch.ratings, now
                )
            await _committed(previous)
            await self._book(connection, batch, rows)
            if quarantined:
                await self._changes.removed(connection, quarantined)
            if upserted:
                await self._changes.changed(connection, [row["id"] for row in upserted])

    async def _book(self, connection: Connection, batch: Batch, rows: Sequence[asyncpg.Record]) -> None:
        """Store the position and the figures of a batch, and lock the run until the end of the transaction.

        Raises:
            LeaseLost: another consolidator has the run, or it has ended.
        """
        booked = await connection.fetchval(
            sql.book_batch,
            self._run.id,
            rows[-1]["supplier_stone_id"],
            len(batch.ids),
            len(rows) - len(batch.ids) - len(batch.bad),
            len(batch.bad),
            batch.revived,
            self._lease_seconds,
            self._token,
        )
        if booked is None:
            raise LeaseLost


async def _committed(previous: asyncio.Task[None] | None) -> None:
    """Wait until the batch before is committed. Raises its error if it failed."""
    if previous is not None:
        await asyncio.wait({previous})
        previous.result()
