"""Dependency container of the roles: the only module of the pipeline that binds adapters to ports."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
from redis.asyncio import Redis

from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.suppliers.enumerated import EnumeratedFeed
from inventory.suppliers.ports import Feed, SupplierTrading
from inventory.suppliers.registry import open_trading_client, supplier_of
from sync.consolidator.consolidator import Consolidator
from sync.messaging.by_feed import ByFeed, find
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
from sync.watermark.store import open_watermark_store
from sync.worker.worker import Worker


class Container(msgspec.Struct, frozen=True):
    """The open dependencies of the roles for one feed. Each connects when it is first used.

    `settings`: those of the feed. `others`: the containers of the other feeds. They share the database and the broker.
    """

    settings: Settings
    database: Database
    feed: Feed | EnumeratedFeed
    broker: Broker
    watermarks: WatermarkStore
    outbox: Outbox
    dead_letters: DeadLetters
    trading: SupplierTrading | None = None
    others: Mapping[str, "Container"] = {}

    @property
    def feeds(self) -> Mapping[str, "Container"]:
        """The containers of all feeds by name, this one first."""
        return {self.settings.sync.feed: self, **self.others}

    def of_feed(self, name: str | None) -> "Container":
        """Return the container of a feed; this one for None.

        Raises:
            FeedUnknown: this process has no such feed.
        """
        return self if name is None else find(self.feeds, name)

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
        """Run the worker role for all feeds until `stop` is set."""
        workers = ByFeed({name: one.worker(stop).handle for name, one in self.feeds.items()}, self.database)
        slots = self.settings.sync.partition_concurrency
        await self.consumer(self.settings.service_bus.queue_work_items, workers.handle, slots=slots, stop=stop).run()

    def worker(self, stop: asyncio.Event) -> Worker:
        """Create a worker of this feed."""
        return Worker(
            self.settings.sync,
            self.database,
            self.feed,
            self.outbox,
            worker_id=f"{socket.gethostname()}-{os.getpid()}",
            stop=stop,
        )

    async def consolidate(self, stop: asyncio.Event) -> None:
        """Run the consolidator role for all feeds until `stop` is set. A slot for each: none waits for another's run."""
        feeds = self.feeds
        handle = ByFeed({name: one.consolidator().handle for name, one in feeds.items()}, self.database).handle
        queue = self.settings.service_bus.queue_consolidate
        await self.consumer(queue, handle, slots=len(feeds), stop=stop).run()


@asynccontextmanager
async def open_pipeline(settings: Settings) -> AsyncIterator[Container]:
    """Open the dependencies of the roles until the `with` ends.

    Raises:
        SettingsError: a required setting is missing.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(settings.database))
        await stack.enter_async_context(RunLogWriter.open(database))
        credential = await stack.enter_async_context(ProcessCredential())
        broker = await stack.enter_async_context(ServiceBusBroker.open(settings.service_bus, credential))
        outbox = Outbox(settings.service_bus, broker, Lifecycle(database, settings.sync.lease_seconds))
        redis = await stack.enter_async_context(Redis.from_url(settings.redis.need("url")))
        trading = await stack.enter_async_context(open_trading_client(settings, redis))
        opened: dict[str, Container] = {}
        for name in settings.by_feed:
            chosen = settings.of_feed(name)
            feed = await stack.enter_async_context(supplier_of(chosen).open_feed(chosen, credential))
            watermarks = await stack.enter_async_context(open_watermark_store(chosen, credential))
            opened[name] = Container(chosen, database, feed, broker, watermarks, outbox, broker.dead_letters(), trading)
        first = opened.pop(settings.sync.feed)
        yield msgspec.structs.replace(first, others=opened)


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
