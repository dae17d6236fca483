"""The processes of `docker/compose.yaml` stay within the connection limit of Microsoft's Service Bus emulator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.runs import repository
from sandbox.broker import Broker as Bus
from sandbox.broker import QueueSettings
from sync.container import Container
from sync.jobs import worker
from sync.jobs.tasks import JobServices
from sync.messaging.outbox import Outbox
from sync.messaging.servicebus import ServiceBusBroker
from sync.runs.lifecycle import Lifecycle
from sync.scheduler.planning import RunRequest
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.sync.conftest import QUEUES

COMPOSE = yaml.safe_load((Path(__file__).parents[3] / "docker" / "compose.yaml").read_text(encoding="utf-8"))[
    "services"
]
ALLOWED = 10
FOR_AN_OPERATOR = 1  # `diamonds-sync dead-letters list`
ROLES = {"worker", "consolidator", "jobs", "scheduler"}


def processes(service: str) -> int:
    return int(COMPOSE[service].get("deploy", {}).get("replicas", 1))


@pytest_asyncio.fixture
async def bus() -> AsyncIterator[Bus]:
    """A broker with the connection limit of the emulator."""
    queues = dict.fromkeys(QUEUES, QueueSettings(lock_seconds=60, max_delivery_count=1))
    async with Bus(queues, max_connections=ALLOWED) as running:
        yield running


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    environment: dict[str, Any] = COMPOSE["worker"]["environment"]
    return settings.with_values(
        redis_url=redis_url,
        sync_nightly=False,
        sync_min_partition_stones=10,
        sync_partition_concurrency=int(environment["SYNC_PARTITION_CONCURRENCY"]),
    )


async def test_compose_processes_stay_within_connection_limit(
    settings: Settings, database: Database, feed: FakeFeed, bus: Bus, tmp_path: Path
) -> None:
    commands = {name: service.get("command", []) for name, service in COMPOSE.items()}
    assert {name for name, command in commands.items() if command[:3] == ["python", "-m", "sync"]} == ROLES
    feed.put(*range(200))
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:

        async def process() -> Container:
            """The process as seen by the broker: with a separate client."""
            broker = await stack.enter_async_context(ServiceBusBroker.open(settings.service_bus))
            outbox = Outbox(settings.service_bus, broker, Lifecycle(database, settings.sync.lease_seconds))
            store = FileWatermarkStore(tmp_path, settings.sync.feed)
            return Container(settings, database, feed, broker, store, outbox, broker.dead_letters())

        async with asyncio.TaskGroup() as roles:
            for _ in range(processes("worker")):
                roles.create_task((await process()).work(stop))
            for _ in range(processes("consolidator")):
                roles.create_task((await process()).consolidate(stop))
            jobs = await process()
            for _ in range(processes("jobs")):
                roles.create_task(worker.serve(jobs, stop))
            # No connection is refused during a run through all roles and a count of all dead letters.
            run, _ = await (await process()).scheduler().schedule(RunRequest(full=True))
            async with JobServices.open(jobs) as duties:
                await duties.duties["reconcile"]()
                while run.is_open:
                    await duties.duties["watch_dead_letters"]()
                    async with database.connection() as connection:
                        run = await repository.run(connection, run.id)
            stop.set()
    assert run.status == "completed"
    connections = bus.connections()
    assert connections.refused == 0
    assert connections.peak <= ALLOWED - FOR_AN_OPERATOR
