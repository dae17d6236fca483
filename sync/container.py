"""Dependency container of the roles: the only module of the pipeline that binds adapters to ports."""

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
from sync.runs.run_log import RunLogWriter
from sync.scheduler.scheduler import Scheduler
from sync.supplier import open_limited_feed, open_settlement
from sync.watermark.store import open_watermark_store
from sync.worker.worker import Worker


class Container(msgspec.Struct, frozen=True):
    """The open dependencies of the roles. Each connects when it is first used."""

    settings: Settings
    database: Database
    feed: Feed
    broker: Broker
    watermarks: WatermarkStore
    outbox: Outbox
    dead_letters: DeadLetters
    trading: SupplierTrading | None = None

    def scheduler(self) -> Scheduler:
        """Create the scheduler, which starts runs."""
        return Scheduler(self.settings, self.database, self.feed, self.watermarks, self.outbox)

    def consolidator(self) -> Consolidator:
        """Create the consolidator, which completes runs."""
        return Consolidator(self.settings.sync, self.database, self.feed, self.watermarks)

    def reconciler(self) -> Reconciler:
        """Create the reconciler."""
        return Reconciler(self.settings.sync, self.database, self.outbox)

    def control(self) -> RunControl:
        """Create the run control for requests of operators."""
        return RunControl(self.settings.sync, self.database, self.outbox)

    def consumer(self, queue: str, handler: Handler, *, slots: int, stop: asyncio.Event) -> Consumer:
        """Create a consumer of a queue."""
        return Consumer(
            self.broker,
            queue,
            handler,
            slots=slots,
            max_deliveries=self.settings.service_bus.queue_max_delivery_count,
            stop=stop,
        )

    async def work(self, stop: asyncio.Event) -> None:
        """Run the worker role until `stop` is set."""
        worker = Worker(
            self.settings.sync,
            self.database,
            self.feed,
            self.outbox,
            worker_id=f"{socket.gethostname()}-{os.getpid()}",
            stop=stop,
        )
        slots = self.settings.sync.partition_concurrency
        await self.consumer(self.settings.service_bus.queue_work_items, worker.handle, slots=slots, stop=stop).run()

    async def consolidate(self, stop: asyncio.Event) -> None:
        """Run the consolidator role until `stop` is set."""
        handle = self.consolidator().handle
        await self.consumer(self.settings.service_bus.queue_consolidate, handle, slots=1, stop=stop).run()


@asynccontextmanager
async def open_pipeline(settings: Settings) -> AsyncIterator[Container]:
    """Open the dependencies of the roles until the `with` ends.

    Raises:
        SettingsError: a required setting is missing.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(settings.database))
        await stack.enter_async_context(RunLogWriter.open(database))
        feed = await stack.enter_async_context(open_limited_feed(settings))
        trading = await stack.enter_async_context(open_settlement(settings))
        credential = await stack.enter_async_context(ProcessCredential())
        broker = await stack.enter_async_context(ServiceBusBroker.open(settings.service_bus, credential))
        watermarks = await stack.enter_async_context(open_watermark_store(settings, credential))
        outbox = Outbox(settings.service_bus, broker, Lifecycle(database, settings.sync.lease_seconds))
        yield Container(settings, database, feed, broker, watermarks, outbox, broker.dead_letters(), trading)


@asynccontextmanager
async def open_control(settings: Settings) -> AsyncIterator[tuple[RunControl, Reconciler]]:
    """Open the dependencies of the run commands until the `with` ends: the database and the queues, not the supplier.

    Raises:
        SettingsError: the database or the broker is not set.
    """
    async with (
        Database.open(settings.database) as database,
        ProcessCredential() as credential,
        ServiceBusBroker.open(settings.service_bus, credential) as broker,
    ):
        outbox = Outbox(settings.service_bus, broker, Lifecycle(database, settings.sync.lease_seconds))
        yield RunControl(settings.sync, database, outbox), Reconciler(settings.sync, database, outbox)


@asynccontextmanager
async def open_dead_letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    """Open the dead letters of the queues until the `with` ends.

    Raises:
        SettingsError: the broker is not set.
    """
    async with ProcessCredential() as credential, ServiceBusBroker.open(settings.service_bus, credential) as broker:
        yield broker.dead_letters()
