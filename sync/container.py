"""Puts the roles together: the only place of the pipeline that knows which adapter stands behind a port."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.suppliers.ports import Feed, SupplierTrading
from sync.consolidator.consolidator import Consolidator
from sync.messaging.consumer import Consumer, Handler
from sync.messaging.credential import ProcessCredential
from sync.messaging.outbox import Outbox
from sync.messaging.servicebus import ServiceBusBroker
from sync.operations.control import RunControl
from sync.operations.reconcile import Reconciler
from sync.ports import Broker, DeadLetters, WatermarkStore
from sync.runs.lifecycle import Lifecycle
from sync.scheduler.scheduler import Scheduler
from sync.supplier import open_limited_feed, open_settling
from sync.watermark.store import open_watermark_store
from sync.worker.worker import Worker


class Container(msgspec.Struct, frozen=True):
    """Everything that a role may need, opened; nothing connects before it is used."""

    settings: Settings
    database: Database
    feed: Feed
    broker: Broker
    watermarks: WatermarkStore
    outbox: Outbox
    dead_letters: DeadLetters
    trading: SupplierTrading | None = None

    def scheduler(self) -> Scheduler:
        """The role that starts runs."""
        return Scheduler(self.settings, self.database, self.feed, self.watermarks, self.outbox)

    def consolidator(self) -> Consolidator:
        """The role that brings runs to their end."""
        return Consolidator(self.settings, self.database, self.feed, self.watermarks)

    def reconciler(self) -> Reconciler:
        """Repairs what dead processes and lost messages left behind."""
        return Reconciler(self.settings, self.database, self.outbox)

    def control(self) -> RunControl:
        """What a person may ask of a run."""
        return RunControl(self.settings, self.database, self.outbox)

    def consumer(self, queue: str, handler: Handler, *, slots: int, stop: asyncio.Event) -> Consumer:
        """A consumer of one of the queues."""
        return Consumer(
            self.broker,
            queue,
            handler,
            slots=slots,
            max_deliveries=self.settings.queue_max_delivery_count,
            stop=stop,
        )

    async def work(self, stop: asyncio.Event) -> None:
        """Be a worker until `stop`."""
        worker = Worker(
            self.settings,
            self.database,
            self.feed,
            self.outbox,
            worker_id=f"{socket.gethostname()}-{os.getpid()}",
            stop=stop,
        )
        slots = self.settings.sync_partition_concurrency
        await self.consumer(self.settings.queue_work_items, worker.handle, slots=slots, stop=stop).run()

    async def consolidate(self, stop: asyncio.Event) -> None:
        """Be a consolidator until `stop`."""
        handle = self.consolidator().handle
        await self.consumer(self.settings.queue_consolidate, handle, slots=1, stop=stop).run()


@asynccontextmanager
async def open_pipeline(settings: Settings) -> AsyncIterator[Container]:
    """Everything that a role may need, for the length of a `with`.

    Raises:
        SettingsError: a setting that the pipeline can't do without is missing.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(settings))
        feed = await stack.enter_async_context(open_limited_feed(settings))
        trading = await stack.enter_async_context(open_settling(settings))
        credential = await stack.enter_async_context(ProcessCredential())
        broker = await stack.enter_async_context(ServiceBusBroker.open(settings, credential))
        watermarks = await stack.enter_async_context(open_watermark_store(settings, credential))
        outbox = Outbox(settings, broker, Lifecycle(database, settings.sync_lease_seconds))
        yield Container(settings, database, feed, broker, watermarks, outbox, broker.dead_letters(), trading)


@asynccontextmanager
async def open_control(settings: Settings) -> AsyncIterator[tuple[RunControl, Reconciler]]:
    """What the commands on runs need, for the length of a `with`: the database and the queues, not the supplier.

    Raises:
        SettingsError: the database or the broker is not set.
    """
    async with (
        Database.open(settings) as database,
        ProcessCredential() as credential,
        ServiceBusBroker.open(settings, credential) as broker,
    ):
        outbox = Outbox(settings, broker, Lifecycle(database, settings.sync_lease_seconds))
        yield RunControl(settings, database, outbox), Reconciler(settings, database, outbox)


@asynccontextmanager
async def open_dead_letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    """What was put aside in the queues, for the length of a `with`.

    Raises:
        SettingsError: the broker is not set.
    """
    async with ProcessCredential() as credential, ServiceBusBroker.open(settings, credential) as broker:
        yield broker.dead_letters()
