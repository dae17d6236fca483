"""Servers and components of the pipeline, all real."""

import gc
import os
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio
from arq.connections import ArqRedis

from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.core.jobs import connect
from inventory.core.settings import Settings
from inventory.runs.models import Run
from sandbox.broker import Broker as Bus
from sandbox.broker import QueueSettings
from sync.container import Container
from sync.jobs.maintenance import Maintenance
from sync.messaging.outbox import Outbox
from sync.messaging.servicebus import ServiceBusBroker
from sync.operations.control import RunControl
from sync.operations.reconcile import Reconciler
from sync.runs.lifecycle import Lifecycle, Opening, PlannedPartition
from sync.scheduler.scheduler import Scheduler
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.sync.cli import cli as cli  # noqa: PLC0414 - a fixture
from tests.integration.sync.maintenance import MaintenanceAt

QUEUES = ("work-items", "work-done", "consolidate")

Execute = Callable[..., Awaitable[object]]
OpenRun = Callable[..., Awaitable[Run]]


@pytest.fixture
def ignore_unclosed_sockets() -> Iterator[None]:
    """The client drops a broken connection without closing its socket, and Python warns about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed|loop is closed", ResourceWarning)
        yield
        gc.collect()


@pytest_asyncio.fixture
async def bus() -> AsyncIterator[Bus]:
    """A broker for one test, with the three queues."""
    async with Bus(dict.fromkeys(QUEUES, QueueSettings(lock_seconds=10, max_delivery_count=3))) as running:
        yield running


@pytest.fixture
def settings(database_url: str, bus: Bus, tmp_path: Path) -> Settings:
    """Settings of the pipeline's components."""
    return Settings.read(
        database_url=database_url,
        azure_service_bus_connection_string=bus.connection_string,
        watermark_directory=str(tmp_path / "watermarks"),
        sync_lease_seconds=30,
        sync_resend_seconds=300,
        sync_run_deadline_seconds=3600,
    )


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with Database.open(settings.database) as opened:
        yield opened


@pytest_asyncio.fixture
async def broker(settings: Settings) -> AsyncIterator[ServiceBusBroker]:
    async with ServiceBusBroker.open(settings.service_bus) as opened:
        yield opened


@pytest.fixture
def lifecycle(settings: Settings, database: Database) -> Lifecycle:
    return Lifecycle(database, settings.sync.lease_seconds)


@pytest.fixture
def outbox(settings: Settings, broker: ServiceBusBroker, lifecycle: Lifecycle) -> Outbox:
    return Outbox(settings.service_bus, broker, lifecycle)


@pytest.fixture
def reconciler(settings: Settings, database: Database, outbox: Outbox) -> Reconciler:
    return Reconciler(settings.sync, database, outbox)


@pytest.fixture
def control(settings: Settings, database: Database, outbox: Outbox) -> RunControl:
    return RunControl(settings.sync, database, outbox)


@pytest.fixture
def feed() -> FakeFeed:
    return FakeFeed()


@pytest.fixture
def watermarks(settings: Settings) -> FileWatermarkStore:
    return FileWatermarkStore(Path(settings.watermark.need("directory")), settings.sync.feed)


@pytest.fixture
def driver(settings: Settings, database: Database, feed: FakeFeed, watermarks: FileWatermarkStore) -> RunDriver:
    """Complete runs over an in-memory feed."""
    return RunDriver(settings, database, feed, watermarks)


@pytest.fixture
def execute(database: Database) -> Execute:
    """Execute a statement: to let time pass, or to create a state that only a crash leaves."""

    async def run(statement: str, *values: object) -> object:
        async with database.connection() as connection:
            return await connection.fetchval(statement, *values)

    return run


@pytest.fixture
def open_run(lifecycle: Lifecycle, settings: Settings) -> OpenRun:
    """Open a full run with this number of partitions, as the scheduler does. With None it stays in planning."""

    async def run(partitions: int | None = 3, job_id: str | None = None) -> Run:
        run_id, token = await lifecycle.open(
            Opening(
                feed=settings.sync.feed,
                run_type="full",
                window_from=None,
                window_to=utc_now(),
                moves_watermark=True,
                started_by="a test",
                trace_id="0af7651916cd43dd8448eb211c80319c",
                deadline_seconds=3600,
                job_id=job_id,
            )
        )
        if partitions is not None:
            parts = [
                PlannedPartition(
                    kind="band", price_from=n * 100, price_to=n * 100 + 100, first_offset=0, planned_stones=10
                )
                for n in range(partitions)
            ]
            await lifecycle.activate(run_id, token, {}, 0, parts)
        return await lifecycle.get(run_id)

    return run


@pytest.fixture
def pipeline(
    settings: Settings,
    database: Database,
    feed: FakeFeed,
    broker: ServiceBusBroker,
    watermarks: FileWatermarkStore,
    outbox: Outbox,
) -> Container:
    return Container(settings, database, feed, broker, watermarks, outbox, broker.dead_letters())


@pytest_asyncio.fixture
async def redis(settings: Settings) -> AsyncIterator[ArqRedis]:
    connected = connect(settings.redis)
    yield connected
    await connected.aclose()


def role_environment(settings: Settings) -> dict[str, str]:
    """The environment of a role process. Its supplier does not respond."""
    return {
        **os.environ,
        "DATABASE_URL": settings.database.need("url"),
        "REDIS_URL": settings.redis.need("url"),
        "AZURE_SERVICE_BUS_CONNECTION_STRING": settings.service_bus.need("connection_string"),
        "WATERMARK_DIRECTORY": settings.watermark.need("directory"),
        "NIVODA_ENDPOINT": "http://127.0.0.1:9/",
        "NIVODA_USERNAME": "nobody",
        "NIVODA_PASSWORD": "secret",
        "SYNC_NIGHTLY": "false",
        "LOG_FORMAT": "json",
    }


@pytest.fixture
def maintenance_at(
    settings: Settings,
    database: Database,
    feed: FakeFeed,
    watermarks: FileWatermarkStore,
    outbox: Outbox,
    broker: ServiceBusBroker,
) -> MaintenanceAt:
    """The periodic jobs at a given instant."""

    def maintenance(now: datetime, **changes: object) -> Maintenance:
        chosen = settings.with_values(**changes)
        scheduler = Scheduler(chosen, database, feed, watermarks, outbox, lambda: now)
        return Maintenance(chosen, database, scheduler, broker.dead_letters(), lambda: now)

    return maintenance
