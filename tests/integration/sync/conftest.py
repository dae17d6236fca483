"""The pipeline's servers and its own parts, as tests of its upkeep want them: everything real."""

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
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf
from tests.integration.sync.cli import cli as cli  # noqa: PLC0414 - a fixture
from tests.integration.sync.maintenance import UpkeepAt

QUEUES = ("work-items", "work-done", "consolidate")

Execute = Callable[..., Awaitable[object]]
OpenRun = Callable[..., Awaitable[Run]]


@pytest.fixture
def forgotten_sockets() -> Iterator[None]:
    """The client lets go of a connection that broke without closing its socket, and Python warns of that."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed|loop is closed", ResourceWarning)
        yield
        gc.collect()


@pytest_asyncio.fixture
async def bus() -> AsyncIterator[Bus]:
    """A broker of the test's own, with the three queues."""
    async with Bus(dict.fromkeys(QUEUES, QueueSettings(lock_seconds=10, max_delivery_count=3))) as running:
        yield running


@pytest.fixture
def settings(database_url: str, bus: Bus, tmp_path: Path) -> Settings:
    """What the pipeline's parts are told."""
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
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def watermarks(settings: Settings) -> FileWatermarkStore:
    return FileWatermarkStore(Path(settings.watermark.need("directory")), settings.sync.feed)


@pytest.fixture
def bench(settings: Settings, database: Database, shelf: Shelf, watermarks: FileWatermarkStore) -> Bench:
    """Whole runs over a feed in memory."""
    return Bench(settings, database, shelf, watermarks)


@pytest.fixture
def execute(database: Database) -> Execute:
    """Runs a statement: how a test lets time pass, or brings about what only a crash does."""

    async def run(statement: str, *values: object) -> object:
        async with database.connection() as connection:
            return await connection.fetchval(statement, *values)

    return run


@pytest.fixture
def open_run(lifecycle: Lifecycle, settings: Settings) -> OpenRun:
    """Opens a full run with some partitions, as the scheduler does; with None it stays in planning."""

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
    shelf: Shelf,
    broker: ServiceBusBroker,
    watermarks: FileWatermarkStore,
    outbox: Outbox,
) -> Container:
    return Container(settings, database, shelf, broker, watermarks, outbox, broker.dead_letters())


@pytest_asyncio.fixture
async def redis(settings: Settings) -> AsyncIterator[ArqRedis]:
    connected = connect(settings.redis)
    yield connected
    await connected.aclose()


def role_environment(settings: Settings) -> dict[str, str]:
    """The environment of a role that runs as a process of its own. Its supplier does not answer."""
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
def upkeep_at(
    settings: Settings,
    database: Database,
    shelf: Shelf,
    watermarks: FileWatermarkStore,
    outbox: Outbox,
    broker: ServiceBusBroker,
) -> UpkeepAt:
    """The duties at a moment of the test's choice."""

    def maintenance(now: datetime, **changes: object) -> Maintenance:
        chosen = settings.with_values(**changes)
        scheduler = Scheduler(chosen, database, shelf, watermarks, outbox, lambda: now)
        return Maintenance(chosen, database, scheduler, broker.dead_letters(), lambda: now)

    return maintenance
