"""Metrics of an API process: connections, subscriptions and their lag, the search index and the database pool."""

from collections.abc import Sequence

from app.graphql.subscriptions.connections import ConnectionRegistry
from inventory.catalog.index.search_index import SearchIndex
from inventory.core.database import Database
from inventory.core.telemetry import state
from inventory.core.telemetry.metrics_server import Collector, add_pool_gauges
from inventory.events import log as event_log
from inventory.events.dispatcher import EventDispatcher


def add_api_metrics(
    database: Database, events: EventDispatcher, index: SearchIndex | None, connections: ConnectionRegistry
) -> Sequence[Collector]:
    """Add the gauges of an API process, and return what reads the others at a scrape; nothing if metrics are off."""
    if state.metrics is None:
        return ()
    lag = 0.0
    metrics = state.metrics
    add_pool_gauges(metrics, database)
    metrics.gauge("diamond_connections_open", "Sockets and event streams of clients.", lambda: float(len(connections)))
    metrics.gauge("diamond_subscriptions", "Open subscriptions to events.", lambda: float(events.listeners))
    metrics.gauge("diamond_events_lag", "Events of the log that this process has not delivered yet.", lambda: lag)
    if index is not None:
        metrics.gauge(
            "diamond_search_index_age_seconds",
            "Age of the search index; -1 while it is not ready.",
            lambda: index.age_seconds,
        )

    async def read_lag() -> None:
        nonlocal lag
        async with database.bounded() as connection:
            bounds = await event_log.bounds(connection)
        lag = max(0.0, float(bounds.newest - events.position))

    return (read_lag,)
