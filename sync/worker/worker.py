"""The worker: reads a partition page by page and stages what it reads.

Whatever it holds is in the database after every page: the stones and the checkpoint from which the next worker goes on.
"""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec
import structlog

from inventory.core.database import Database
from inventory.core.errors import InventoryError, LeaseLost, SupplierBusy, SupplierUnavailable, Unavailable
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.runs import repository
from inventory.runs.models import Partition, Run
from inventory.suppliers.ports import Feed, FeedPage
from sync.messaging.consumer import ConsumerStopped, OutcomeStored
from sync.messaging.messages import WorkItem, decode
from sync.messaging.outbox import Outbox
from sync.planning.checkpoint import Checkpoint
from sync.planning.completeness import PartitionProof, PartitionReading
from sync.planning.listing import Answer, CountRequest, Listing, PageRequest, PageView, Request
from sync.planning.partition import Band
from sync.planning.requests import Steps
from sync.runs.lease import kept
from sync.runs.lifecycle import Lifecycle
from sync.runs.query import count_of_part, query_of_part
from sync.runs.schema_differences import record
from sync.runs.statements import sql
from sync.worker.staging import listing_of, stage

log = get_logger()

_RETRY_CLAIM_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0


class Worker:
    """Reads partitions, several at a time, each in a separate task."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        feed: Feed,
        outbox: Outbox,
        *,
        worker_id: str,
        stop: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._database = database
        self._feed = feed
        self._outbox = outbox
        self._worker_id = worker_id
        self._stop = stop
        self._lifecycle = Lifecycle(database, settings.sync_lease_seconds)

    async def handle(self, body: bytes, last: bool) -> None:
        """Read the partition that a work item names.

        Raises:
            UnreadableMessage: the body is no work item.
            LeaseLost: someone else has the partition by now.
            ConsumerStopped: the process is leaving; the partition is free, its checkpoint written.
            OutcomeStored: the partition has failed with an error that a retry cannot change.
            InventoryError: it could not be read now. With `last` the partition has failed.
        """
        item = decode(body, WorkItem)
        with structlog.contextvars.bound_contextvars(
            run_id=str(item.run_id), partition_id=str(item.partition_id), trace_id=item.trace_id
        ):
            claimed = await self._claim(item.partition_id)
            if claimed is None:
                # Read already, or no longer wanted. A worker that died before it sent what follows left that to us.
                await self._outbox.send_trigger_if_due(item.run_id)
                return
            partition, token = claimed
            await self._read_or_put_down(partition, token, last)

    async def _claim(self, partition_id: UUID) -> tuple[Partition, UUID] | None:
        """The partition, as soon as no other worker is alive on it; None where nothing is left to do.

        Waiting with the message in hand is what makes a dead worker's partition go on within one lease.
        """
        token = uuid4()
        while not self._stop.is_set():
            async with self._database.connection() as connection:
                row = await connection.fetchrow(
                    sql.claim_partition, partition_id, token, self._lifecycle.lease_seconds, self._worker_id
                )
                if row is not None:
                    return repository.partition_of(row), token
                busy_for = await connection.fetchval(sql.partition_busy_for, partition_id)
            if busy_for is None:
                return None
            await asyncio.sleep(min(max(busy_for, 0.1), _RETRY_CLAIM_SECONDS))
        raise ConsumerStopped

    async def _read_or_put_down(self, partition: Partition, token: UUID, last: bool) -> None:
        async with self._database.connection() as connection:
            run = await repository.run(connection, partition.run_id)
        log.info("partition begins", planned=partition.planned_stones, resumed=partition.checkpoint is not None)
        try:
            proof = await self._read(run, partition, token)
            await record(self._database, run, self._feed.known_differences())
        except (ConsumerStopped, asyncio.CancelledError):
            await self._release(partition, token, None)
            raise
        except LeaseLost:
            log.warning("partition lost")
            raise
        except Exception as error:
            if await self._failed(partition, token, error, last):
                raise OutcomeStored from error
            raise
        ended, trigger = await self._lifecycle.end_partition(partition, token, unidentified=proof.unidentified)
        log.info(
            "partition succeeded",
            fetched=ended.fetched,
            pages=ended.pages,
            counted=proof.counted,
            listings=proof.listings,
            unidentified=proof.unidentified,
            repairs=proof.repairs,
        )
        if trigger:
            await self._outbox.send_trigger(run.id, run.trace_id)
        await self._outbox.report(ended, run.trace_id)

    async def _failed(self, partition: Partition, token: UUID, error: Exception, last: bool) -> bool:
        """Release the partition for another delivery, or end it with the error. True if a final error was stored.

        Raises:
            LeaseLost: another worker has the partition, or its run has ended.
        """
        retryable = error.retryable if isinstance(error, InventoryError) else True
        message = f"{error.code}: {error.message}" if isinstance(error, InventoryError) else repr(error)
        if retryable and not last:
            await self._release(partition, token, message)
            return False
        with suppress(Unavailable):
            ended, _ = await self._lifecycle.end_partition(partition, token, error=message)
            log.warning("partition failed", error=message)
            await self._outbox.report(ended, "")
            return not retryable
        return False

    async def _release(self, partition: Partition, token: UUID, message: str | None) -> None:
        """Give the partition back. Where the database does not answer, the lease runs out by itself."""
        with suppress(Unavailable):
            async with self._database.connection() as connection:
                await connection.execute(sql.release_partition, partition.id, token, message)

    async def _read(self, run: Run, partition: Partition, token: UUID) -> PartitionProof:
        async with self._database.connection() as connection:
            left = await connection.fetchval(sql.seconds_left, run.id)
        try:
            async with asyncio.timeout(left), kept(lambda: self._keep(partition, token), self._lifecycle.lease_seconds):
                return await self._prove(run, partition, token)
        except TimeoutError:
            # Whether it is overdue is decided under the run's lock: it may have been given more time since.
            await self._lifecycle.end_overdue(run.id)
            raise LeaseLost from None

    async def _prove(self, run: Run, partition: Partition, token: UUID) -> PartitionProof:
        """Request after request, up to the proof; while a page is staged, the next request is already on its way.

        Raises:
            FeedIncomplete: the partition cannot be proven.
        """
        reading = await self._restored(partition)
        steps = reading.requests()
        request = _next(steps, None)
        asking: asyncio.Task[FeedPage | int] | None = None
        try:
            while not isinstance(request, PartitionProof):
                answer = await (asking or self._ask(run, partition, token, request))
                asked, request = request, _next(steps, _view(answer) if isinstance(answer, FeedPage) else answer)
                if not isinstance(request, PartitionProof):
                    asking = asyncio.create_task(self._ask(run, partition, token, request))
                if isinstance(answer, FeedPage) and isinstance(asked, PageRequest):
                    await self._stage(run, partition, token, answer, asked, reading)
                if self._stop.is_set() and not isinstance(request, PartitionProof):
                    raise ConsumerStopped
            return request
        finally:
            if asking is not None:
                asking.cancel()

    async def _restored(self, partition: Partition) -> PartitionReading:
        """The reading as the stored pages left it."""
        offered = await self._feed.capabilities()
        reading = PartitionReading(
            _band(partition),
            limit=self._feed.page_size,
            overlap=self._settings.sync_page_overlap,
            by_origin=offered.origin,
            by_weight=offered.carats,
            checkpoint=msgspec.convert(partition.checkpoint, Checkpoint) if partition.checkpoint else None,
        )
        async with self._database.connection() as connection:
            rows = await connection.fetch(sql.pages_read, partition.id)
        for row in rows:
            columns = (row[name] for name in ("offers", "stones", "prices", "carats"))
            reading.restore(row["reading"], [Listing(*values) for values in zip(*columns, strict=True)])
        return reading

    async def _ask(
        self, run: Run, partition: Partition, token: UUID, request: CountRequest | PageRequest
    ) -> FeedPage | int:
        """The supplier's answer. An outage is waited out with the message in hand: it says nothing about this partition.

        Raises:
            SupplierError: the outage lasts too long, or it is none.
            ConsumerStopped: the process is leaving.
        """
        overlap = timedelta(seconds=self._settings.sync_overlap_seconds)
        until = time.monotonic() + self._settings.sync_outage_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                if isinstance(request, PageRequest):
                    query = query_of_part(run, request.part, overlap)
                    return await self._feed.page(query, request.offset, request.limit)
                return await count_of_part(self._feed, run, request.part, overlap)
            except SupplierUnavailable as error:
                # One that asks for patience has been given it already.
                if isinstance(error, SupplierBusy) or time.monotonic() + pause > until:
                    raise
                log.warning("supplier away", error=error.message, pause_seconds=pause)
                await self._note(partition, token, f"{error.code}: {error.message}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)
                raise ConsumerStopped
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _note(self, partition: Partition, token: UUID, message: str) -> None:
        with suppress(Unavailable):
            async with self._database.connection() as connection:
                await connection.execute(sql.note_error, partition.id, token, message)

    async def _stage(
        self,
        run: Run,
        partition: Partition,
        token: UUID,
        page: FeedPage,
        request: PageRequest,
        reading: PartitionReading,
    ) -> None:
        """Write a page. Every item of it is a look at a stone, also where the reader steps back behind the page.

        An item that a pass of one origin has shown is not written again without its origin.
        """
        items = page.items
        if request.part.lab_grown is None and reading.by_origin:
            items = [item for item in items if not reading.knows_origin(listing_of(item).offer)]
        async with self._database.connection() as connection:
            written = await stage(
                connection,
                page,
                feed=run.feed,
                run_id=run.id,
                partition_id=partition.id,
                checkpoint=reading.checkpoint,
                lease_token=token,
                lease_seconds=self._lifecycle.lease_seconds,
                reading=request.reading,
                kept=items,
            )
        log.debug("page staged", stones=len(page.items), written=written, offset=request.offset)

    async def _keep(self, partition: Partition, token: UUID) -> None:
        async with self._database.connection() as connection:
            await connection.fetchval(sql.keep_partition, partition.id, token, self._lifecycle.lease_seconds)


def _next(steps: Steps[PartitionProof], answer: Answer | None) -> Request | PartitionProof:
    """What to ask next. What a killed worker has stored may be proven without a further request."""
    try:
        return next(steps) if answer is None else steps.send(answer)
    except StopIteration as end:
        proof: PartitionProof = end.value
        return proof


def _view(page: FeedPage) -> PageView:
    return PageView([listing_of(item) for item in page.items], page.unidentified)


def _band(partition: Partition) -> Band:
    return Band(
        ordinal=partition.ordinal,
        kind=partition.kind,
        price_from=partition.price_from,
        price_to=partition.price_to,
        planned=partition.planned_stones,
        first_offset=partition.first_offset,
    )
