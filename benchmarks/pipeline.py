"""Sync pipeline of a benchmark: the production worker and consolidator with recorded responses of the supplier."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import chain
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec

from benchmarks.servers import Site
from benchmarks.statements import sql
from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.runs.models import Run
from inventory.suppliers.nivoda.client import NivodaClient, Variables
from inventory.suppliers.nivoda.documents import COUNT, Answer, SupplierOperation
from inventory.suppliers.nivoda.feed import NivodaFeed
from inventory.suppliers.nivoda.schema_view import SchemaView, assumed_view
from inventory.suppliers.nivoda.supplier_schema import SupplierSchema
from sync.consolidator.consolidator import Consolidator
from sync.messaging.messages import WorkItem, encode
from sync.messaging.outbox import Outbox
from sync.ports import Inbox
from sync.runs.lifecycle import Lifecycle, Opening, PlannedPartition
from sync.watermark.file import FileWatermarkStore
from sync.worker.worker import Worker

_PARTITIONS = 8
_DEADLINE_SECONDS = 3600.0
_LAB_GROWN = b'"labgrown":true'


class RecordedClient:
    """Supplier client with recorded items, for `NivodaFeed`.

    It supports two filters: the start price of a partition, and the origin. The items do not change during a run.
    """

    def __init__(self, parts: Mapping[int, Sequence[bytes]]) -> None:
        """`parts`: items (JSON) of each partition by its start price."""
        self._parts: dict[tuple[int | None, bool | None], Sequence[bytes]] = {
            (None, None): list(chain(*parts.values()))
        }
        for start, items in parts.items():
            self._parts[start, None] = items
            for grown in (False, True):
                self._parts[start, grown] = [item for item in items if (_LAB_GROWN in item) is grown]
        self.schema = SupplierSchema(self._introspect, time.monotonic, waits=False)

    async def _introspect(self) -> SchemaView:
        return assumed_view()

    async def call(self, operation: SupplierOperation[Answer], variables: Variables) -> Answer:
        """Return the response to a count or a page query."""
        query = msgspec.convert(variables(assumed_view()) if callable(variables) else variables, type=dict)
        items = self._matching(query["query"])
        if operation.name == COUNT.name:
            return operation.read(msgspec.Raw(b'{"as":{"diamonds_by_query_count":%d}}' % len(items)))
        page = b",".join(items[query["offset"] : query["offset"] + query["limit"]])
        return operation.read(msgspec.Raw(b'{"as":{"diamonds_by_query":{"items":[%b]}}}' % page))

    def _matching(self, query: Mapping[str, Any]) -> Sequence[bytes]:
        if "updated" in query:
            return ()
        prices = query.get("dollar_value")
        return self._parts[prices["from"] if prices else None, query.get("labgrown")]


class NullBroker:
    """Broker that discards all messages."""

    async def send(self, queue: str, bodies: Sequence[bytes]) -> None:
        """Discard the messages."""

    def inbox(self, queue: str) -> AbstractAsyncContextManager[Inbox]:
        """Not supported.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(queue)


class Pipeline:
    """Runs the worker and the consolidator on the database of a benchmark."""

    def __init__(self, site: Site, database: Database) -> None:
        self._settings: Settings = site.settings
        self._database = database
        self._lifecycle = Lifecycle(database, site.settings.sync.lease_seconds)
        self._client = RecordedClient({})
        self._watermarks = FileWatermarkStore(site.directory / "watermarks", site.settings.sync.feed)

    async def truncate(self) -> None:
        """Truncate the tables of runs, stones, diamonds and events."""
        async with self._database.connection() as connection:
            await connection.execute(sql.truncate_all)

    async def vacuum_and_checkpoint(self) -> None:
        """Run VACUUM ANALYZE and CHECKPOINT, so that earlier writes do not affect the next measurement."""
        async with self._database.connection() as connection:
            for statement in (sql.vacuum_raw, sql.vacuum_seen, sql.vacuum_diamonds, sql.checkpoint):
                await connection.execute(statement)

    async def read(self, items: Sequence[bytes], *, at_once: int) -> tuple[Run, float]:
        """Stage items in a full run. `at_once`: partitions that are read concurrently.

        Returns the run, which is ready for consolidation, and the duration in seconds.

        Raises:
            AssertionError: not all items were staged.
        """
        size = max(1, -(-len(items) // _PARTITIONS))
        parts = {start: items[start : start + size] for start in range(0, len(items), size)}
        run_id, bodies = await self._plan(parts)
        outbox = Outbox(self._settings.service_bus, NullBroker(), self._lifecycle)
        self._client = RecordedClient(parts)
        feed = NivodaFeed(cast("NivodaClient", self._client))
        worker = Worker(self._settings.sync, self._database, feed, outbox, worker_id="bench", stop=asyncio.Event())
        remaining = iter(bodies)

        async def slot() -> None:
            for body in remaining:
                await worker.handle(body, last=True)

        start_time = time.perf_counter()
        await asyncio.gather(*(slot() for _ in range(at_once)))
        seconds = time.perf_counter() - start_time
        async with self._database.connection() as connection:
            staged = await connection.fetchval(sql.count_raw)
        if staged != len(items):
            raise AssertionError(f"only {staged} of {len(items)} stones were staged")
        return await self._lifecycle.get(run_id), seconds

    async def _plan(self, parts: Mapping[int, Sequence[bytes]]) -> tuple[UUID, list[bytes]]:
        opening = Opening(
            feed=self._settings.sync.feed,
            run_type="full",
            window_from=None,
            window_to=utc_now(),
            moves_watermark=True,
            started_by="bench",
            trace_id=uuid4().hex,
            deadline_seconds=_DEADLINE_SECONDS,
        )
        run_id, token = await self._lifecycle.open(opening)
        planned = [
            PlannedPartition(kind="band", price_from=start, price_to=start, first_offset=0, planned_stones=len(part))
            for start, part in parts.items()
        ]
        partitions, _ = await self._lifecycle.activate(run_id, token, {}, 0, planned)
        return run_id, [
            encode(WorkItem(run_id=run_id, partition_id=part.id, trace_id=opening.trace_id)) for part in partitions
        ]

    async def consolidate(self, run: Run) -> tuple[Run, float]:
        """Consolidate a staged run. Returns the completed run and the duration in seconds.

        Raises:
            AssertionError: the run was not completed.
        """
        feed = NivodaFeed(cast("NivodaClient", self._client))
        consolidator = Consolidator(self._settings.sync, self._database, feed, self._watermarks)
        start_time = time.perf_counter()
        done = await consolidator.consolidate(run.id)
        seconds = time.perf_counter() - start_time
        if done is None or done.status != "completed":
            raise AssertionError(f"run {run.id} was not consolidated")
        return done, seconds
