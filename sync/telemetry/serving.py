"""Metrics server of a role of the pipeline."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from inventory.core.telemetry import state
from inventory.core.telemetry.metrics_server import Collector, add_pool_gauges, serve_metrics
from sync.container import Container
from sync.telemetry.run_metrics import RunMetrics


@asynccontextmanager
async def pipeline_metrics(pipeline: Container, *, runs: bool) -> AsyncIterator[int | None]:
    """Serve the metrics of a role until the `with` ends. `runs`: also those of the runs, which one process serves.

    Yields the port; None if metrics are off.
    """
    collectors: tuple[Collector, ...] = ()
    if state.metrics is not None:
        add_pool_gauges(state.metrics, pipeline.database)
        if runs:
            watermarks = {name: one.watermarks for name, one in pipeline.feeds.items()}
            measured = RunMetrics(pipeline.settings, pipeline.database, watermarks, pipeline.dead_letters)
            collectors = (measured.runs, measured.watermark, measured.queues)
    async with serve_metrics(pipeline.settings.telemetry, collectors) as port:
        yield port
