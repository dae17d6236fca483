"""Metrics of runs, watermark, queues and alerts, read from the servers at each scrape of the jobs role."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.core.telemetry import state
from inventory.runs.schedule import last_due
from sync.ports import DeadLetters, WatermarkStore
from sync.runs.statements import sql

if TYPE_CHECKING:
    from prometheus_client import Gauge

NAMES: Mapping[str, str] = {
    "diamond_run_open": "Whether a run is open.",
    "diamond_run_age_seconds": "Age of the open run; 0 without one.",
    "diamond_run_usual_seconds": "Median duration of the last 14 completed runs.",
    "diamond_run_heartbeat_age_seconds": "Time since an open run's lease was renewed last; 0 without one.",
    "diamond_run_last_started_timestamp_seconds": "Start of the newest run.",
    "diamond_run_due_timestamp_seconds": "Time at which the newest scheduled run was due; not set for a feed of files.",
    "diamond_run_last_completed_timestamp_seconds": "End of the newest completed run.",
    "diamond_run_last_failed": "Whether the newest ended run did not complete.",
    "diamond_partitions": "Partitions of the newest run by status.",
    "diamond_stones": "Stones of the newest completed run by outcome.",
    "diamond_reject_ratio": "Share of quarantined stones in the newest completed run.",
    "diamond_reject_ratio_usual": "Median of this share in the last 14 completed runs.",
    "diamond_watermark_timestamp_seconds": "Instant up to which changes are in the inventory.",
    "diamond_watermark_max_age_seconds": "Age of the watermark above which operators are alerted.",
    "diamond_dead_letters": "Dead letters by queue, at most 100.",
    "diamond_dead_letter_oldest_timestamp_seconds": "Time at which the oldest dead letter was sent; 0 without one.",
    "diamond_alerts_waiting": "Alerts that were not sent.",
    "diamond_alerts_oldest_timestamp_seconds": "Time of the oldest alert that was not sent; 0 without one.",
    "diamond_holds_expired_unsettled": "Holds that expired more than ten minutes ago and are still active.",
    "diamond_quarantined": "Supplier items in quarantine.",
}
# Gauges of the installation; the others have the label `feed`.
_COMMON = frozenset({"alerts_waiting", "alerts_oldest_timestamp_seconds", "holds_expired_unsettled"})
LABELS: Mapping[str, tuple[str, ...]] = {
    **{name: ("feed",) for name in NAMES if name.removeprefix("diamond_") not in _COMMON},
    "diamond_partitions": ("feed", "status"),
    "diamond_stones": ("feed", "outcome"),
    "diamond_dead_letters": ("queue",),
    "diamond_dead_letter_oldest_timestamp_seconds": ("queue",),
}
PARTITION_STATUSES = ("pending", "running", "succeeded", "failed", "cancelled")
OUTCOMES = ("written", "unchanged", "quarantined", "deleted", "revived")
_QUEUE_SECONDS = 60.0  # a peek opens a connection, so it is not made at every scrape
_MAX_COUNTED = 100


class RunMetrics:
    """Reads the metrics of all feeds."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        watermarks: Mapping[str, WatermarkStore],
        dead_letters: DeadLetters,
    ) -> None:
        """`watermarks`: the stores by feed."""
        self._settings = settings
        self._database = database
        self._watermarks = watermarks
        self._dead_letters = dead_letters
        self._peek_due = 0.0
        self._gauges: Mapping[str, Gauge] = state.metrics.gauges(NAMES, LABELS) if state.metrics else {}

    async def runs(self) -> None:
        """Set the gauges that the database has the values of."""
        for feed in self._watermarks:
            async with self._database.bounded() as connection:
                row = await connection.fetchrow(sql.run_metrics, feed)
                rows = await connection.fetch(sql.partition_metrics, feed)
            assert row is not None, "an aggregate has a row"  # noqa: S101
            for name, value in row.items():
                if name.startswith("stones_"):
                    self._gauges["diamond_stones"].labels(feed, name.removeprefix("stones_")).set(value)
                elif name in _COMMON:
                    self._gauges[f"diamond_{name}"].set(value)
                else:
                    self._gauges[f"diamond_{name}"].labels(feed).set(value)
            schedule = self._settings.by_feed[feed]
            self._gauges["diamond_watermark_max_age_seconds"].labels(feed).set(schedule.max_age_hours * 3600)
            if schedule.kind != "csv":
                due = last_due(utc_now(), schedule.times).timestamp()
                self._gauges["diamond_run_due_timestamp_seconds"].labels(feed).set(due)
            partitions = {found["status"]: found["count"] for found in rows}
            for status in PARTITION_STATUSES:
                self._gauges["diamond_partitions"].labels(feed, status).set(partitions.get(status, 0))

    async def watermark(self) -> None:
        """Set the gauge of the watermarks; a feed has no value before its first run."""
        for feed, watermarks in self._watermarks.items():
            stored = await watermarks.read()
            if stored is not None:
                gauge = self._gauges["diamond_watermark_timestamp_seconds"].labels(feed)
                gauge.set(stored[0].last_updated_at.timestamp())

    async def queues(self) -> None:
        """Set the gauges of the dead letters, at most once a minute."""
        if time.monotonic() < self._peek_due:
            return
        bus = self._settings.service_bus
        queues: Sequence[str] = (bus.queue_work_items, bus.queue_work_done, bus.queue_consolidate)
        for queue in queues:
            letters = await self._dead_letters.peek(queue, _MAX_COUNTED)
            sent_at = letters[0].sent_at if letters else None
            self._gauges["diamond_dead_letters"].labels(queue).set(len(letters))
            self._gauges["diamond_dead_letter_oldest_timestamp_seconds"].labels(queue).set(
                sent_at.timestamp() if sent_at else 0
            )
        self._peek_due = time.monotonic() + _QUEUE_SECONDS
