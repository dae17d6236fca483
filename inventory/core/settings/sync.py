"""Settings of the sync: partitions, leases, consolidation, safety limits and retention."""

from typing import Annotated

from pydantic import BaseModel

from inventory.core.settings.field import setting


class SyncSettings(BaseModel):
    """Settings of the sync processes."""

    sync_feed: Annotated[
        str,
        setting("Sync", "Name of the feed: its watermark and its raw table.", pattern=r"^[a-z][a-z0-9-]{0,30}$"),
    ] = "nivoda"
    sync_max_partitions: Annotated[int, setting("Sync", "Most partitions of a run.", ge=1, le=200)] = 30
    sync_min_partition_stones: Annotated[int, setting("Sync", "Fewest stones of a partition.", ge=1, le=10_000_000)] = (
        1000
    )
    sync_overlap_seconds: Annotated[
        int, setting("Sync", "Overlap of an incremental run with the time before the watermark.", ge=0, le=30 * 86_400)
    ] = 900
    sync_full_every_hours: Annotated[
        int, setting("Sync", "A run is full when the last full one is older than this.", ge=1, le=366 * 24)
    ] = 24 * 7
    sync_page_overlap: Annotated[
        int, setting("Sync", "Number of stones of a page that the next page repeats.", ge=1, le=25)
    ] = 1
    sync_partition_concurrency: Annotated[
        int, setting("Sync", "Partitions that one worker reads at a time.", ge=1, le=30)
    ] = 4
    sync_lease_seconds: Annotated[
        float, setting("Sync", "Time without a heartbeat after which a lease expires.", ge=2, le=300)
    ] = 60.0
    sync_run_deadline_seconds: Annotated[
        int, setting("Sync", "Deadline of a run, after which it fails.", ge=5, le=30 * 86_400)
    ] = 6 * 3600
    sync_drain_seconds: Annotated[
        float, setting("Sync", "Time after SIGTERM in which workers finish their open pages.", gt=0, le=3600)
    ] = 25.0
    sync_consolidation_batch: Annotated[
        int, setting("Sync", "Stones that are priced and written in one transaction.", ge=100, le=100_000)
    ] = 10_000
    sync_resend_seconds: Annotated[
        float,
        setting(
            "Sync",
            "Time after which a message that no worker has received is sent again.",
            gt=0,
            le=86_400,
        ),
    ] = 300.0
    sync_outage_seconds: Annotated[
        float,
        setting(
            "Sync",
            "Longest wait of a worker for an unavailable supplier before the partition fails.",
            ge=0,
            le=86_400,
        ),
    ] = 300.0
    sync_max_quarantine_share: Annotated[
        float,
        setting("Sync", "Largest share of quarantined items; a run with a larger share fails.", ge=0, le=1),
    ] = 0.05
    sync_max_delete_share: Annotated[
        float,
        setting(
            "Sync", "Largest share of the inventory that a run may delete; a run with a larger share stops.", ge=0, le=1
        ),
    ] = 0.20
    sync_nightly: Annotated[
        bool,
        setting(
            "Sync", "Whether the jobs role starts the run at 02:00 UTC; set false if an external scheduler starts it."
        ),
    ] = True
    sync_retention_days: Annotated[
        int, setting("Sync", "Retention of the records of runs and of deleted stones, in days.", ge=1, le=36_500)
    ] = 90
