"""Lease of a partition: claim it, renew it while its worker reads, and release or end the partition."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from uuid import UUID, uuid4

from inventory.core.database import Database
from inventory.core.errors import Unavailable
from inventory.runs import repository
from inventory.runs.models import Partition
from inventory.suppliers.ports import FeedPage, ObservedItem
from sync.planning.checkpoint import Checkpoint
from sync.planning.file_plan import PartCheckpoint
from sync.planning.listing import Listing
from sync.runs.lease import heartbeat
from sync.runs.lifecycle import Lifecycle
from sync.runs.statements import sql
from sync.worker.staging import stage

_RETRY_CLAIM_SECONDS = 1.0
_SHORTEST_PAUSE_SECONDS = 0.1


class PartitionLease:
    """The right to read one partition. Every write is rejected once another worker has the partition."""

    def __init__(self, database: Database, lifecycle: Lifecycle, partition: Partition, token: UUID) -> None:
        self.partition = partition
        self._database = database
        self._lifecycle = lifecycle
        self._token = token

    @classmethod
    async def claim(
        cls, database: Database, lifecycle: Lifecycle, partition_id: UUID, *, worker_id: str, stop: asyncio.Event
    ) -> "PartitionLease | None":
        """Claim a partition as soon as no live worker has it. None if the partition or its run has ended.

        The worker keeps the message while it waits, so a dead worker's partition is continued within one lease.

        Raises:
            ConsumerStopped: `stop` was set first.
        """
        token = uuid4()
        while not stop.is_set():
            async with database.connection() as connection:
                row = await connection.fetchrow(
                    sql.claim_partition, partition_id, token, lifecycle.lease_seconds, worker_id
                )
                if row is not None:
                    return cls(database, lifecycle, repository.partition_of(row), token)
                busy_for = await connection.fetchval(sql.partition_busy_for, partition_id)
            if busy_for is None:
                return None
            await asyncio.sleep(min(max(busy_for, _SHORTEST_PAUSE_SECONDS), _RETRY_CLAIM_SECONDS))
        return None

    def heartbeat(self) -> AbstractAsyncContextManager[None]:
        """Renew the lease until the `with` ends."""
        return heartbeat(self._renew, self._lifecycle.lease_seconds)

    async def _renew(self) -> None:
        async with self._database.connection() as connection:
            await connection.fetchval(sql.keep_partition, self.partition.id, self._token, self._lifecycle.lease_seconds)

    async def stage(
        self,
        page: FeedPage,
        *,
        feed: str,
        checkpoint: Checkpoint | PartCheckpoint,
        reading: int,
        kept: Sequence[ObservedItem],
        listings: Sequence[Listing] | None = None,
    ) -> int:
        """Write a page with its checkpoint, as `staging.stage` does. Returns the number of new or changed payloads.

        Raises:
            LeaseLost: another worker has the partition.
        """
        async with self._database.connection() as connection:
            return await stage(
                connection,
                page,
                feed=feed,
                run_id=self.partition.run_id,
                partition_id=self.partition.id,
                checkpoint=checkpoint,
                lease_token=self._token,
                lease_seconds=self._lifecycle.lease_seconds,
                reading=reading,
                kept=kept,
                listings=listings,
            )

    async def note(self, message: str) -> None:
        """Store the reason why the partition waits, if the database answers."""
        with suppress(Unavailable):
            async with self._database.connection() as connection:
                await connection.execute(sql.note_error, self.partition.id, self._token, message)

    async def release(self, message: str | None = None) -> None:
        """Make the partition available to other workers. If the database does not answer, the lease expires."""
        with suppress(Unavailable):
            async with self._database.connection() as connection:
                await connection.execute(sql.release_partition, self.partition.id, self._token, message)

    async def end(self, *, error: str | None = None, unidentified: int = 0) -> tuple[Partition, bool]:
        """End the partition, as `Lifecycle.end_partition` does. Returns it, and whether to trigger consolidation.

        Raises:
            LeaseLost: another worker has the partition, or its run has ended.
        """
        return await self._lifecycle.end_partition(self.partition, self._token, error=error, unidentified=unidentified)
