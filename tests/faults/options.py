"""Settings of an installation for fault tests: small, fast, with short leases."""

from collections.abc import Mapping

import msgspec

LOCK_SECONDS = 4.0

# Small and fast: several partitions and batches of few stones, and short leases.
SMALL = {
    "LOG_FORMAT": "json",
    "SYNC_LEASE_SECONDS": "2",
    "SYNC_RESEND_SECONDS": "6",
    "SYNC_MIN_PARTITION_STONES": "250",
    "SYNC_MAX_PARTITIONS": "8",
    "SYNC_PARTITION_CONCURRENCY": "2",
    "SYNC_CONSOLIDATION_BATCH": "300",
    "SYNC_OVERLAP_SECONDS": "2",
    "SYNC_OUTAGE_SECONDS": "1",
    "SYNC_NIGHTLY": "false",
    "NIVODA_REQUESTS_PER_SECOND": "60",
    "NIVODA_BURST": "20",
    "NIVODA_TIMEOUT_SECONDS": "3",
    "NIVODA_TRIES": "8",
    "NIVODA_BACKOFF_SECONDS": "0.05",
}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Options of an installation: number of stones, seed, and settings that override the small ones."""

    stones: int = 2500
    seed: int = 1
    bad_data: float = 0.01
    max_deliveries: int = 10
    settings: Mapping[str, str] = msgspec.field(default_factory=dict)
