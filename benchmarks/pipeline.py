"""The sync's own roles on a benchmark's database, with a supplier that has answered already."""

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


class Recorded:
    """A client with the bytes of every answer at hand, for `NivodaFeed`.

    It knows two filters: the price at which a partition begins, and the origin. Nothing changes while a run reads.
    """

    def __init__(self, parts: Mapping[int, Sequence[bytes]]) -> None:
        """`parts`: the items of each partition by the price at which it begins."""
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
        """The answer to a count or a page."""
        asked = msgspec.convert(variables(assumed_view()) if callable(variables) else variables, type=dict)
        items = self._matching(asked["query"])
        if operation.name == COUNT.name:
            return operation.read(msgspec.Raw(b'{"as":{"diamonds_by_query_count":%d}}' % len(items)))
        page = b",".join(items[asked["offset"] : asked["offset"] + asked["limit"]])
        return operation.read(msgspec.Raw(b'{"as":{"diamonds_by_query":{"items":[%b]}}}' % page))

    def _matching(self, query: Mapping[str, Any]) -> Sequence[bytes]:
        if "updated" in query:
            return ()
        prices = query.get("dollar_value")
        return self._parts[prices["from"] if prices else None, query.get("labgrown")]


class UnreadBroker:
    """A broker without receivers."""

    async def send(self, queue: str, bodies: Sequence[bytes]) -> None:
        """Send nothing."""

    def inbox(self, queue: str) -> AbstractAsyncContextManager[Inbox]:
        """There is none."""
        raise NotImplementedError(queue)


class Pipeline:
    """Reads stones by the worker, and consolidates them by the consolidator."""

    def __init__(self, site: Site, database: Database) -> None:
        self._settings: Settings = site.settings
        self._database = database
        self._lifecycle = Lifecycle(database, site.settings.sync.lease_seconds)
        self._recorded = Recorded({})
        self._watermarks = FileWatermarkStore(site.directory / "watermarks", site.settings.sync.feed)

    async def empty(self) -> None:
        """Forget everything that was read."""
        async with self._database.connection() as connection:
            await connection.execute(sql.empty)

    async def rest(self) -> None:
        """Let Postgres settle what was written before."""
        async with self._database.connection() as connection:
            for statement in (sql.look_at_raw, sql.look_at_seen, sql.look_at_diamonds, sql.checkpoint):
                await connection.execute(statement)

    async def read(self, items: Sequence[bytes], *, at_once: int) -> tuple[Run, float]:
        """Read all of it in a full run, a number of partitions at a time; the run that waits for its consolidation.

        Also how many seconds that took.
        """
        size = max(1, -(-len(items) // _PARTITIONS))
        parts = {start: items[start : start + size] for start in range(0, len(items), size)}
        run_id, bodies = await self._plan(parts)
        outbox = Outbox(self._settings.service_bus, UnreadBroker(), self._lifecycle)
        self._recorded = Recorded(parts)
        feed = NivodaFeed(cast("NivodaClient", self._recorded))
        worker = Worker(self._settings.sync, self._database, feed, outbox, worker_id="bench", stop=asyncio.Event())
        waiting = iter(bodies)

        async def slot() -> None:
            for body in waiting:
                await worker.handle(body, last=True)

        begun = time.perf_counter()
        await asyncio.gather(*(slot() for _ in range(at_once)))
        seconds = time.perf_counter() - begun
        async with self._database.connection() as connection:
            staged = await connection.fetchval(sql.raw_stones)
        if staged != len(items):
            raise AssertionError(f"{staged} of {len(items)} stones were staged")
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
        """Bring a run that was read into the inventory; how it ended, and after how many seconds."""
        feed = NivodaFeed(cast("NivodaClient", self._recorded))
        consolidator = Consolidator(self._settings.sync, self._database, feed, self._watermarks)
        begun = time.perf_counter()
        done = await consolidator.consolidate(run.id)
        seconds = time.perf_counter() - begun
        if done is None or done.status != "completed":
            raise AssertionError(f"The run {run.id} was not consolidated")
        return done, seconds
