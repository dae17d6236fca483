"""Partition worker: handles a work item by reading its partition and recording the outcome.

After every page the database holds all progress: the stones, and the checkpoint from which another worker continues.
"""

import asyncio
from contextlib import suppress

import structlog

from inventory.core.database import Database
from inventory.core.errors import InventoryError, LeaseLost, Unavailable
from inventory.core.logging import get_logger
from inventory.core.settings.sync import SyncSettings
from inventory.core.telemetry.spans import span
from inventory.runs import repository
from inventory.runs.models import Run
from inventory.suppliers.enumerated import EnumeratedFeed
from inventory.suppliers.ports import Feed
from sync.messaging.consumer import ConsumerStopped, OutcomeStored
from sync.messaging.messages import WorkItem, decode
from sync.messaging.outbox import Outbox
from sync.planning.completeness import PartitionProof
from sync.runs.lifecycle import Lifecycle
from sync.runs.schema_differences import record
from sync.runs.statements import sql
from sync.worker.part_reader import PartReader
from sync.worker.partition_lease import PartitionLease
from sync.worker.partition_reader import PartitionReader

log = get_logger()


class Worker:
    """Reads partitions, several at a time, each in a separate task."""

    def __init__(
        self,
        settings: SyncSettings,
        database: Database,
        feed: Feed | EnumeratedFeed,
        outbox: Outbox,
        *,
        worker_id: str,
        stop: asyncio.Event,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._worker_id = worker_id
        self._stop = stop
        self._lifecycle = Lifecycle(database, settings.lease_seconds)
        self._reader: PartReader | PartitionReader = (
            PartReader(settings, feed, stop)
            if isinstance(feed, EnumeratedFeed)
            else PartitionReader(settings, database, feed, stop)
        )

    async def handle(self, body: bytes, last: bool) -> None:
        """Read the partition of a work item.

        Raises:
            UnreadableMessage: the body is no work item.
            LeaseLost: another worker has the partition.
            ConsumerStopped: the process stops; the partition is released with its checkpoint.
            OutcomeStored: the partition has failed with an error that a retry cannot change.
            InventoryError: the partition could not be read now. With `last` it has failed.
        """
        item = decode(body, WorkItem)
        with (
            structlog.contextvars.bound_contextvars(
                run_id=str(item.run_id), partition_id=str(item.partition_id), trace_id=item.trace_id
            ),
            span("read partition", "consumer", _attributes(item), run=item.trace_id),
        ):
            lease = await PartitionLease.claim(
                self._database, self._lifecycle, item.partition_id, worker_id=self._worker_id, stop=self._stop
            )
            if lease is None:
                # The partition or its run has ended. A worker that died may not have sent the trigger.
                await self._outbox.send_trigger_if_due(item.run_id)
                return
            await self._work(lease, last)

    async def _work(self, lease: PartitionLease, last: bool) -> None:
        """Read a claimed partition, then end or release it."""
        partition = lease.partition
        async with self._database.connection() as connection:
            run = await repository.run(connection, partition.run_id)
        log.info("partition_claimed", planned=partition.planned_stones, resumed=partition.checkpoint is not None)
        try:
            proof = await self._read(run, lease)
            await record(self._database, run, self._reader.known_differences())
        except (ConsumerStopped, asyncio.CancelledError):
            await lease.release()
            raise
        except LeaseLost:
            log.warning("partition_lease_lost")
            raise
        except Exception as error:
            if await self._store_failure(lease, error, last):
                raise OutcomeStored from error
            raise
        ended, trigger = await lease.end(unidentified=proof.unidentified)
        log.info(
            "partition_succeeded",
            fetched=ended.fetched,
            pages=ended.pages,
            counted=proof.counted,
            listings=proof.listings,
            unidentified=proof.unidentified,
            repairs=proof.repairs,
        )
        if trigger:
            await self._outbox.send_trigger(run.id, run.trace_id, run.feed)
        await self._outbox.report(ended, run.trace_id)

    async def _read(self, run: Run, lease: PartitionLease) -> PartitionProof:
        """Read a partition under the lease heartbeat, until the deadline of its run.

        Raises:
            LeaseLost: another worker has the partition, or the deadline has passed.
        """
        async with self._database.connection() as connection:
            left = await connection.fetchval(sql.seconds_left, run.id)
        try:
            async with asyncio.timeout(left), lease.heartbeat():
                return await self._reader.read(run, lease)
        except TimeoutError:
            # The lifecycle checks the deadline again under the run's lock: it may have been extended.
            await self._lifecycle.end_overdue(run.id)
            raise LeaseLost from None

    async def _store_failure(self, lease: PartitionLease, error: Exception, last: bool) -> bool:
        """Release the partition for another delivery, or end it with the error. True if a final error was stored.

        Raises:
            LeaseLost: another worker has the partition, or its run has ended.
        """
        retryable = error.retryable if isinstance(error, InventoryError) else True
        message = f"{error.code}: {error.message}" if isinstance(error, InventoryError) else repr(error)
        if retryable and not last:
            await lease.release(message)
            return False
        with suppress(Unavailable):
            ended, _ = await lease.end(error=message)
            log.warning("partition_failed", error=message)
            await self._outbox.report(ended, "")
            return not retryable
        return False


def _attributes(item: WorkItem) -> dict[str, str]:
    return {
        "messaging.system": "servicebus",
        "messaging.operation.name": "process",
        "diamond.run.id": str(item.run_id),
        "diamond.partition.id": str(item.partition_id),
    }
