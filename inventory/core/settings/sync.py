"""Settings of the sync: partitions, leases, consolidation, safety limits and retention."""

from collections.abc import Mapping
from typing import Annotated, Self

from inventory.core.settings.feeds import prefix
from inventory.core.settings.section import SettingsSection, setting


class SyncSettings(SettingsSection, title="Sync", prefix="SYNC_"):
    """Settings of the sync processes."""

    feed: Annotated[
        str,
        setting(
            "Feed of the commands without --feed: one of FEEDS, the first by default.",
            pattern=r"^[a-z][a-z0-9-]{0,30}\Z",
        ),
    ] = "nivoda"
    max_partitions: Annotated[int, setting("Most partitions of a run.", ge=1, le=200)] = 30
    min_partition_stones: Annotated[int, setting("Fewest stones of a partition.", ge=1, le=10_000_000)] = 1000
    overlap_seconds: Annotated[
        int, setting("Overlap of an incremental run with the time before the watermark.", ge=0, le=30 * 86_400)
    ] = 900
    full_every_hours: Annotated[
        int, setting("A run is full when the last full one is older than this.", ge=1, le=366 * 24)
    ] = 24 * 7
    page_overlap: Annotated[int, setting("Number of stones of a page that the next page repeats.", ge=1, le=25)] = 1
    partition_concurrency: Annotated[int, setting("Partitions that one worker reads at a time.", ge=1, le=30)] = 4
    lease_seconds: Annotated[float, setting("Time without a heartbeat after which a lease expires.", ge=2, le=300)] = (
        60.0
    )
    run_deadline_seconds: Annotated[int, setting("Deadline of a run, after which it fails.", ge=5, le=30 * 86_400)] = (
        6 * 3600
    )
    drain_seconds: Annotated[
        float, setting("Time after SIGTERM in which workers finish their open pages.", gt=0, le=3600)
    ] = 25.0
    consolidation_batch: Annotated[
        int,
        setting(
            "Stones that are priced and written in one transaction. Two are written at a time.", ge=100, le=100_000
        ),
    ] = 1_000
    resend_seconds: Annotated[
        float,
        setting(
            "Time after which a message that no worker has received is sent again.",
            gt=0,
            le=86_400,
        ),
    ] = 300.0
    outage_seconds: Annotated[
        float,
        setting(
            "Longest wait of a worker for an unavailable supplier before the partition fails.",
            ge=0,
            le=86_400,
        ),
    ] = 300.0
    max_quarantine_share: Annotated[
        float,
        setting("Largest share of quarantined items; a run with a larger share fails.", ge=0, le=1),
    ] = 0.05
    max_delete_share: Annotated[
        float,
        setting("Largest share of the inventory that a run may delete; a run with a larger share stops.", ge=0, le=1),
    ] = 0.20
    nightly: Annotated[
        bool,
        setting("Whether the jobs role starts the run at 02:00 UTC; set false if an external scheduler starts it."),
    ] = True
    nightly_retry: Annotated[
        bool,
        setting(
            "With SYNC_NIGHTLY=false: whether the jobs role retries a nightly run that could not be planned, until 06:00 UTC."
        ),
    ] = False
    retention_days: Annotated[
        int, setting("Retention of the records of runs and of deleted stones, in days.", ge=1, le=36_500)
    ] = 90

    _limits_of_feed: frozenset[str] = frozenset()

    def of_feed(self, feed: str, limits: Mapping[str, float]) -> Self:
        """Return the settings of one feed. `limits`: limits that differ for this feed, by field."""
        return self.replace(feed=feed, **limits, _limits_of_feed=frozenset(limits))

    def limit_variable(self, field: str) -> str:
        """The variable that sets a limit of the feed: its own one if it is set, else the common one."""
        return f"{prefix(self.feed) if field in self._limits_of_feed else 'SYNC_'}{field.upper()}"
