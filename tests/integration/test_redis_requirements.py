"""Unsupported Redis configurations are reported with their name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from structlog.testing import capture_logs

from app import startup
from app.main import create_app
from inventory.core import redis_server
from inventory.core.jobs import JobsUnavailable, connect, enqueue
from inventory.core.server_checks import examine_redis
from inventory.core.settings import Settings, SettingsError
from sandbox.stack.ports import free_ports
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.valkey import Valkey
from sync.container import open_pipeline
from sync.jobs import worker
from tests.integration.sync.operators import with_state

NOT_SUPPORTED = "cluster mode is not supported"


@asynccontextmanager
async def valkey(**options: str) -> AsyncIterator[Valkey]:
    """A Valkey for one test. `options` are command line options, with underscores."""
    with scratch_directory() as directory:
        server = Valkey(directory, options={f"--{name.replace('_', '-')}": value for name, value in options.items()})
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


@pytest_asyncio.fixture(params=["one shard with all slots", "no slots"])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Valkey]:
    """A server in cluster mode."""
    # By default the cluster port is 10,000 above the client port, which is not valid for every port.
    async with valkey(cluster_enabled="yes", cluster_port=str(free_ports(1)[0])) as server:
        if request.param == "one shard with all slots":
            async with Redis.from_url(server.url()) as redis:
                await redis.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
                while b"cluster_state:ok" not in await redis.execute_command("CLUSTER", "INFO"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        yield server


@pytest.fixture
def settings(cluster: Valkey, database_url: str) -> Settings:
    return Settings.read(
        database_url=database_url,
        redis_url=cluster.url(),
        azure_service_bus_connection_string=(
            "Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=x;SharedAccessKey=x;UseDevelopmentEmulator=true;"
        ),
        watermark_directory=".",
        nivoda_endpoint="http://127.0.0.1:9/",
        nivoda_username="x",
        nivoda_password="x",
    )


async def test_jobs_do_not_work_in_cluster_mode(settings: Settings) -> None:
    """The reason for the check. If this test fails one day, the check can be removed."""
    redis = connect(settings.redis)
    with pytest.raises(JobsUnavailable) as caught:
        await enqueue(redis, "reprice")
    assert isinstance(caught.value.__cause__, ResponseError)
    await redis.aclose()


async def test_cluster_mode_is_reported_by_ready_and_at_start_of_api(settings: Settings) -> None:
    with capture_logs() as logs:
        await startup.check(settings)
    assert [entry["reason"] for entry in logs if entry["event"] == "redis_misconfigured"] == [redis_server.CLUSTER_MODE]
    app = create_app(settings)
    async with app.router.lifespan_context(app) as state:
        transport = httpx.ASGITransport(with_state(app, state))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            answer = await client.get("/ready")
    assert answer.json()["status"] == "degraded"
    assert NOT_SUPPORTED in answer.json()["checks"]["redis"]


async def test_jobs_role_does_not_start_in_cluster_mode(settings: Settings) -> None:
    async with open_pipeline(settings) as pipeline:
        for role in (worker.serve, worker.once):
            with pytest.raises(SettingsError, match=f"REDIS_URL: {NOT_SUPPORTED}"):
                await role(pipeline, asyncio.Event())


async def test_doctor_reports_cluster_mode(settings: Settings) -> None:
    report = await examine_redis(settings)
    assert not report.works
    assert NOT_SUPPORTED in {check.name: check.detail for check in report.checks}["mode"]


async def test_doctor_reports_eviction_and_unresponsive_server() -> None:
    async with valkey(maxmemory_policy="allkeys-lru") as server:
        report = await examine_redis(Settings.read(redis_url=server.url()))
    assert [(check.name, check.state) for check in report.checks] == [
        ("answer", "ok"), ("mode", "ok"), ("eviction", "degraded"),
    ]  # fmt: skip
    assert report.works
    report = await examine_redis(Settings.read(redis_url="redis://127.0.0.1:9/0"))
    assert [(check.name, check.state) for check in report.checks] == [("answer", "failed")]


async def test_server_with_eviction_is_reported() -> None:
    async with valkey(maxmemory_policy="allkeys-lru") as server, Redis.from_url(server.url()) as redis:
        with capture_logs() as logs:
            assert await redis_server.report(redis) is None
    assert [entry["recommended"] for entry in logs] == ["noeviction"]


async def test_plain_server_is_supported(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        with capture_logs() as logs:
            assert await redis_server.report(redis) is None
    assert logs == []
