"""Reading loop of a partition: send each request to the supplier and stage each page with its checkpoint."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from inventory.core.database import Database
from inventory.core.logging import get_logger
from inventory.core.settings.sync import SyncSettings
from inventory.runs.models import Partition, Run
from inventory.suppliers.ports import Feed, FeedPage
from sync.messaging.consumer import ConsumerStopped
from sync.planning.checkpoint import Checkpoint
from sync.planning.completeness import PartitionProof, PartitionReading
from sync.planning.listing import Answer, CountRequest, Listing, PageRequest, PageView, Request
from sync.planning.partition import Band
from sync.planning.requests import Steps
from sync.runs.query import count_of_part, query_of_part
from sync.runs.statements import sql
from sync.worker.outage import wait_out
from sync.worker.partition_lease import PartitionLease
from sync.worker.staging import listing_of

log = get_logger()


class PartitionReader:
    """Reads partitions of a counted feed until `stop` is set."""

    def __init__(self, settings: SyncSettings, database: Database, feed: Feed, stop: asyncio.Event) -> None:
        self._settings = settings
        self._database = database
        self._feed = feed
        self._stop = stop

    async def read(self, run: Run, lease: PartitionLease) -> PartitionProof:
        """Read a partition up to the proof. While Postgres stages a page, the next one is requested, decoded and mapped.

        Raises:
            FeedIncomplete: the partition cannot be proven.
            LeaseLost: another worker has the partition.
            SupplierError: the supplier rejects a request, or its outage lasts too long.
            ConsumerStopped: `stop` is set.
        """
        reading = await self._restored(lease.partition)
        steps = reading.requests()
        request = _next(steps, None)
        pending: asyncio.Task[FeedPage | int] | None = None
        try:
            while not isinstance(request, PartitionProof):
                answer = await (pending or self._send(run, lease, request))
                view = _view(answer)
                answered, request = request, _next(steps, view)
                staging: asyncio.Task[None] | None = None
                if isinstance(answer, FeedPage) and isinstance(view, PageView) and isinstance(answered, PageRequest):
                    # Before the request, so that the statement is sent before the next page is mapped.
                    staging = asyncio.create_task(self._stage(run, lease, answer, view.listings, answered, reading))
                if not isinstance(request, PartitionProof):
                    pending = asyncio.create_task(self._send(run, lease, request))
                if staging is not None:
                    await staging
                if self._stop.is_set() and not isinstance(request, PartitionProof):
                    raise ConsumerStopped
            return request
        finally:
            if pending is not None:
                pending.cancel()

    def known_differences(self) -> Sequence[str]:
        """Return the differences of the supplier's schema that are known without a request."""
        return self._feed.known_differences()

    async def _restored(self, partition: Partition) -> PartitionReading:
        """Restore the reading from the checkpoint and the stored pages."""
        offered = await self._feed.capabilities()
        reading = PartitionReading(
            _band(partition),
            limit=self._feed.page_size,
            overlap=self._settings.page_overlap,
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

    async def _send(self, run: Run, lease: PartitionLease, request: CountRequest | PageRequest) -> FeedPage | int:
        """Send a request to the supplier. Wait out an outage under the lease.

        Raises:
            SupplierError: the outage lasts too long, or the error is no outage.
            ConsumerStopped: `stop` is set.
        """
        overlap = timedelta(seconds=self._settings.overlap_seconds)

        async def send() -> FeedPage | int:
            if isinstance(request, PageRequest):
                query = query_of_part(run, request.part, overlap)
                return await self._feed.page(query, request.offset, request.limit)
            return await count_of_part(self._feed, run, request.part, overlap)

        return await wait_out(send, lease, self._settings.outage_seconds, self._stop)

    async def _stage(
        self,
        run: Run,
        lease: PartitionLease,
        page: FeedPage,
        listings: Sequence[Listing],
        request: PageRequest,
        reading: PartitionReading,
    ) -> None:
        """Write a page. Every item of it counts as read, also if the reader steps back behind the page.

        An item that a pass of one origin has shown is not written again without its origin.
        """
        items = page.items
        if request.part.lab_grown is None and reading.by_origin:
            shown = zip(items, listings, strict=True)
            items = [item for item, listing in shown if not reading.knows_origin(listing.offer)]
        written = await lease.stage(
            page,
            feed=run.feed,
            checkpoint=reading.checkpoint,
            reading=request.reading,
            kept=items,
            listings=listings,
        )
        log.debug("page_staged", stones=len(page.items), written=written, offset=request.offset)


def _next(steps: Steps[PartitionProof], answer: Answer | None) -> Request | PartitionProof:
    """Advance to the next request or the proof. The pages that a killed worker has stored may already be a proof."""
    try:
        return next(steps) if answer is None else steps.send(answer)
    except StopIteration as end:
        proof: PartitionProof = end.value
        return proof


def _view(answer: FeedPage | int) -> Answer:
    if isinstance(answer, FeedPage):
        return PageView([listing_of(item) for item in answer.items], answer.unidentified)
    return answer


def _band(partition: Partition) -> Band:
    return Band(
        ordinal=partition.ordinal,
        kind=partition.kind,
        price_from=partition.price_from,
        price_to=partition.price_to,
        planned=partition.planned_stones,
        first_offset=partition.first_offset,
    )
