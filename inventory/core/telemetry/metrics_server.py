"""HTTP server of the metrics, on a separate port of the process."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from inventory.core.database import Database
from inventory.core.logging import get_logger
from inventory.core.settings.telemetry import TelemetrySettings
from inventory.core.telemetry import state

if TYPE_CHECKING:
    from inventory.core.telemetry.metrics import Metrics

log = get_logger()

# Sets the gauges whose values come from servers, before a scrape.
Collector = Callable[[], Awaitable[None]]


def enable_metrics(settings: TelemetrySettings) -> None:
    """Count from now on, if METRICS_PORT is set."""
    if settings.metrics_port is None or state.metrics is not None:
        return
    from inventory.core.telemetry.metrics import Metrics  # noqa: PLC0415 - imported only where metrics are on

    state.metrics = Metrics()


def add_pool_gauges(metrics: "Metrics", database: Database) -> None:
    """Add the gauges of a process's pool of database connections."""
    metrics.gauge("diamond_database_connections_open", "Open database connections.", lambda: database.connections[0])
    metrics.gauge("diamond_database_connections_used", "Database connections in use.", lambda: database.connections[1])
    metrics.gauge("diamond_database_connections_max", "Largest number of database connections.", lambda: database.size)


@asynccontextmanager
async def serve_metrics(settings: TelemetrySettings, collectors: Sequence[Collector] = ()) -> AsyncIterator[int | None]:
    """Serve `/metrics` until the `with` ends. Yields the port; None if metrics are off.

    A collector that fails is logged, and its gauges keep their values; `diamond_collector_failed` shows it.
    """
    if settings.metrics_port is None or state.metrics is None:
        yield None
        return
    from aiohttp import web  # noqa: PLC0415
    from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest  # noqa: PLC0415

    registry = state.metrics.registry
    failed = Gauge("diamond_collector_failed", "Whether a value could not be read at this scrape.", registry=registry)

    async def scrape(_request: web.Request) -> web.Response:
        failures = 0
        for collect in collectors:
            try:
                await collect()
            except Exception as error:  # noqa: BLE001 - the other metrics are served
                failures += 1
                log.warning("metrics_not_collected", error=f"{type(error).__name__}: {error}")
        failed.set(failures)
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.router.add_get("/metrics", scrape)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.metrics_host, settings.metrics_port)
        await site.start()
        port: int = runner.addresses[0][1]
        log.info("metrics_served", port=port)
        yield port
    finally:
        registry.unregister(failed)
        await runner.cleanup()
