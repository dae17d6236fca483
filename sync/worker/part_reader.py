"""Reading loop of a part of a file: read its rows page by page, and stage each page with its checkpoint."""

import asyncio
from collections.abc import Sequence

import msgspec

from inventory.core.logging import get_logger
from inventory.core.settings.sync import SyncSettings
from inventory.runs.models import Partition, Run
from inventory.suppliers.enumerated import EnumeratedFeed, Part, PartPage
from inventory.suppliers.ports import FeedPage
from sync.messaging.consumer import ConsumerStopped
from sync.planning.completeness import PartitionProof
from sync.planning.file_plan import FilePlan, PartCheckpoint, check_part
from sync.worker.outage import wait_out
from sync.worker.partition_lease import PartitionLease

log = get_logger()


class PartReader:
    """Reads parts of an enumerated feed until `stop` is set."""

    def __init__(self, settings: SyncSettings, feed: EnumeratedFeed, stop: asyncio.Event) -> None:
        self._settings = settings
        self._feed = feed
        self._stop = stop

    def known_differences(self) -> Sequence[str]:
        """Files have no schema to differ from; the headers are checked by the plan."""
        return ()

    async def read(self, run: Run, lease: PartitionLease) -> PartitionProof:
        """Read a part to its last row. While a page is staged, the next one is already read.

        Raises:
            FeedIncomplete: the rows of the part were not all staged or rejected.
            LeaseLost: another worker has the partition.
            SupplierError: a file has changed, or its source does not answer for too long.
            ConsumerStopped: `stop` is set.
        """
        plan, part = part_of(run, lease.partition)
        checkpoint = checkpoint_of(lease.partition)

        async def page(position: int) -> PartPage:
            return await wait_out(
                lambda: self._feed.read(plan.snapshot, part, position, self._feed.page_size),
                lease,
                self._settings.outage_seconds,
                self._stop,
            )

        pending = asyncio.create_task(page(checkpoint.position))
        try:
            while checkpoint.position < part.rows:
                read = await pending
                if not read.rows:
                    break
                checkpoint = PartCheckpoint(
                    position=checkpoint.position + read.rows,
                    items=checkpoint.items + len(read.items),
                    rejected=checkpoint.rejected + read.rejected,
                )
                if checkpoint.position < part.rows:
                    pending = asyncio.create_task(page(checkpoint.position))
                staged = FeedPage(received=read.received, items=read.items)
                written = await lease.stage(staged, feed=run.feed, checkpoint=checkpoint, reading=0, kept=read.items)
                log.debug("page_staged", stones=len(read.items), written=written, offset=checkpoint.position)
                if self._stop.is_set() and checkpoint.position < part.rows:
                    raise ConsumerStopped
        finally:
            pending.cancel()
        check_part(part, checkpoint)
        return PartitionProof(counted=part.rows, listings=checkpoint.items, unidentified=0, moved=False, repairs=0)


def part_of(run: Run, partition: Partition) -> tuple[FilePlan, Part]:
    """Find the part of a partition in the plan of its run."""
    plan = msgspec.convert(run.plan, FilePlan)
    return plan, plan.parts[partition.ordinal]


def checkpoint_of(partition: Partition) -> PartCheckpoint:
    """Restore the progress of a partition."""
    return msgspec.convert(partition.checkpoint, PartCheckpoint) if partition.checkpoint else PartCheckpoint()
