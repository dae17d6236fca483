"""Consolidator: price a run's stones, upsert them into the inventory, then move the watermark.

It works in batches by stone id (`batch_writer.py`). Each batch is one transaction that also stores the position, so another
consolidator can continue after a crash. The safety checks run before the first write: they stop a run with
too many bad stones, or one that would delete too many stones.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

import msgspec
import structlog

from inventory.core.database import Connection, Database
from inventory.core.errors import InventoryError, LeaseLost, StorageUnavailable, WatermarkConflict
from inventory.core.logging import get_logger
from inventory.core.settings.sync import SyncSettings
from inventory.core.telemetry.spans import span
from inventory.pricing.rules import PricingRule
from inventory.runs import repository
from inventory.runs.models import Run
from inventory.suppliers.enumerated import EnumeratedFeed
from inventory.suppliers.ports import Feed, FeedPage
from sync.consolidator.batch_writer import BatchWriter, lock_run
from sync.consolidator.change_events import ChangeEvents
from sync.consolidator.row_completeness import RowCheck
from sync.consolidator.run_completeness import RunCheck
from sync.consolidator.safety_checks import SafetyChecks
from sync.consolidator.stone_lookup import lookup_of
from sync.messaging.consumer import OutcomeStored
from sync.messaging.messages import Consolidate, decode
from sync.planning.window import Watermark
from sync.ports import WatermarkStore
from sync.runs.lease import heartbeat
from sync.runs.lifecycle import Lifecycle
from sync.runs.statements import sql
from sync.worker.staging import stage

log = get_logger()

_WATERMARK_TRIES = 5


class Consolidator:
    """Consolidates one run at a time."""

    def __init__(
        self, settings: SyncSettings, database: Database, feed: Feed | EnumeratedFeed, watermarks: WatermarkStore
    ) -> None:
        self._settings = settings
        self._database = database
        self._check = RowCheck(database) if isinstance(feed, EnumeratedFeed) else RunCheck(settings, database, feed)
        self._safety_checks = SafetyChecks(settings, database, lookup_of(feed))
        self._watermarks = watermarks
        self._lifecycle = Lifecycle(database, settings.lease_seconds)

    async def handle(self, body: bytes, _last: bool) -> None:
        """Consolidate the run that a message names.

        Raises:
            UnreadableMessage: the body is not a consolidation message.
            OutcomeStored: the run has failed with a reason that a retry cannot change, such as a safety check.
            InventoryError: the run could not be consolidated now.
        """
        run_id = decode(body, Consolidate).run_id
        try:
            await self.consolidate(run_id)
        except LeaseLost:
            raise
        except InventoryError as error:
            if not error.retryable and not (await self._lifecycle.get(run_id)).is_open:
                raise OutcomeStored from error
            raise

    async def consolidate(self, run_id: UUID) -> Run | None:
        """Consolidate a run and complete it. Returns None if the run is not waiting for consolidation.

        Waits while another consolidator's lease is valid, in case that consolidator dies.

        Raises:
            InventoryError: the run could not be completed now; after a final error it has failed with the reason.
        """
        while (claimed := await self._claim(run_id)) is None:
            busy_for = await self._busy_for(run_id)
            if busy_for is None:
                return None
            await asyncio.sleep(min(max(busy_for, 0.1), 1.0))
        run, token = claimed
        attributes = {"messaging.system": "servicebus", "diamond.run.id": str(run.id)}
        with (
            structlog.contextvars.bound_contextvars(run_id=str(run.id), trace_id=run.trace_id),
            span("consolidate run", "consumer", attributes, run=run.trace_id),
        ):
            return await self._work(run, token)

    async def _claim(self, run_id: UUID) -> tuple[Run, UUID] | None:
        token = uuid4()
        async with self._database.connection() as connection:
            row = await connection.fetchrow(sql.claim_consolidation, run_id, token, self._lifecycle.lease_seconds)
        return (repository.run_of(row), token) if row else None

    async def _busy_for(self, run_id: UUID) -> float | None:
        async with self._database.connection() as connection:
            seconds: float | None = await connection.fetchval(sql.consolidation_busy_for, run_id)
            return seconds

    async def _work(self, run: Run, token: UUID) -> Run:
        log.info("consolidation_started", resumed_after=run.consolidated_through)
        async with heartbeat(lambda: self._lifecycle.keep(run.id, token), self._lifecycle.lease_seconds):
            try:
                if run.consolidated_at is None:
                    await self._prove(run, token)
                    await self._safety_checks.quarantine(run)
                    gone = await self._gone(run, token)
                    await self._batches(run, token)
                    await self._delete(run, token, gone)
                    await self._book(run, token)
                moved = await self._move_watermark(run, token)
            except InventoryError as error:
                await self._store_failure(run, token, error)
                raise
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(sql.complete_run, run.id, token, moved)
            await connection.execute(sql.consume_files, run.id)
            await connection.execute(sql.forget_pages_of_run, run.id)
        if row is None:
            raise LeaseLost
        done = repository.run_of(row)
        log.info(
            "run_completed",
            fetched=done.fetched,
            repeated=done.repeated,
            upserted=done.upserted,
            unchanged=done.unchanged,
            quarantined=done.quarantined,
            deleted=done.deleted,
            watermark_moved=moved,
        )
        return done

    async def _store_failure(self, run: Run, token: UUID, error: InventoryError) -> None:
        """Release the run for another consolidator, or end it if a retry cannot help."""
        if isinstance(error, LeaseLost):
            return
        if error.retryable:
            async with self._database.connection() as connection:
                await connection.execute(sql.release_consolidation, run.id, token)
            return
        with suppress(LeaseLost):
            async with self._locked(run.id, token) as connection:
                await self._lifecycle.fail_locked(connection, run.id, error)

    @asynccontextmanager
    async def _locked(self, run_id: UUID, token: UUID) -> AsyncIterator[Connection]:
        """Open a transaction that verifies the lease and locks the run until the commit.

        Raises:
            LeaseLost: another consolidator has the run, or it has ended.
        """
        async with self._database.transaction() as connection:
            await lock_run(connection, run_id, token)
            yield connection

    async def _prove(self, run: Run, token: UUID) -> None:
        """Prove that the run has read the whole feed, before the first batch.

        Raises:
            FeedIncomplete: the run lacks listings, or its completeness cannot be proven.
        """
        if run.consolidated_through is None:
            async with self._until_deadline(run):
                await self._check.prove(run, lambda page: self._stage_returned(run, token, page))

    async def _gone(self, run: Run, token: UUID) -> list[str]:
        """Find the stones that the supplier no longer has."""
        async with self._until_deadline(run):
            return await self._safety_checks.gone(run, lambda page: self._stage_returned(run, token, page))

    @asynccontextmanager
    async def _until_deadline(self, run: Run) -> AsyncIterator[None]:
        """Limit requests to the supplier by the deadline of the run, also while the supplier is busy.

        Raises:
            LeaseLost: the deadline has passed.
        """
        async with self._database.connection() as connection:
            left = await connection.fetchval(sql.seconds_left, run.id)
        try:
            async with asyncio.timeout(left):
                yield
        except TimeoutError:
            # The lifecycle checks the deadline again under the run's lock: it may have been extended.
            await self._lifecycle.end_overdue(run.id)
            raise LeaseLost from None

    async def _stage_returned(self, run: Run, token: UUID, page: FeedPage) -> None:
        """Stage stones that the run did not see although the supplier has them."""
        async with self._locked(run.id, token) as connection:
            await stage(
                connection,
                page,
                feed=run.feed,
                run_id=run.id,
                partition_id=None,
                checkpoint=None,
                lease_token=token,
                lease_seconds=self._lifecycle.lease_seconds,
            )
            await connection.execute(sql.book_asked, run.id, len(page.items))

    async def _batches(self, run: Run, token: UUID) -> None:
        async with self._database.connection() as connection:
            rules = [msgspec.convert(dict(row), PricingRule) for row in await connection.fetch(sql.pricing_rules)]
            changes = await ChangeEvents.of(connection, run.feed, run.id)
        writer = BatchWriter(
            self._database,
            run,
            token,
            rules,
            changes,
            size=self._settings.consolidation_batch,
            lease_seconds=self._lifecycle.lease_seconds,
        )
        # Read again: stones that were fetched again may have reset the position.
        await writer.write((await self._lifecycle.get(run.id)).consolidated_through or "")

    async def _delete(self, run: Run, token: UUID, gone: Sequence[str]) -> None:
        size = self._settings.consolidation_batch
        async with self._database.connection() as connection:
            changes = await ChangeEvents.of(connection, run.feed, run.id)
        for start in range(0, len(gone), size):
            some = gone[start : start + size]
            async with self._locked(run.id, token) as connection:
                now = await connection.fetchval(sql.now)
                await connection.execute(sql.delete_raw, run.feed, some, now)
                deleted = await connection.fetch(sql.delete_diamonds, run.feed, some, now)
                await changes.removed(connection, deleted)
                await connection.execute(sql.book_deletes, run.id, len(deleted), self._lifecycle.lease_seconds)
            log.info("stones_deleted", stones=len(deleted))

    async def _book(self, run: Run, token: UUID) -> None:
        async with self._locked(run.id, token) as connection:
            await connection.execute(sql.book_run, run.id, run.feed)

    async def _move_watermark(self, run: Run, token: UUID) -> bool:
        """Move the watermark to the end of the run's window.

        False if it stays: the run does not move it or did not read everything; it is already there or later; or an
        operator set it back while the run was open, so that changes are between it and the run's window.
        """
        if not run.moves_watermark or run.forced_by is not None:
            return False
        for _ in range(_WATERMARK_TRIES):
            present = await self._watermarks.read()
            async with self._locked(run.id, token) as connection:
                now = await connection.fetchval(sql.now)
            if present is not None and present[0].last_updated_at >= run.window_to:
                return bool(present[0].last_run_id == str(run.id))
            if run.window_from is not None and (present is None or present[0].last_updated_at < run.window_from):
                log.warning("watermark_not_moved", reason="it was set back while the run was open")
                return False
            target = Watermark(last_updated_at=run.window_to, last_run_id=str(run.id), last_run_completed_at=now)
            try:
                await self._watermarks.write(target, present[1] if present else None)
            except WatermarkConflict:
                continue
            return True
        raise StorageUnavailable("Other processes keep changing the watermark. Try again later.")
