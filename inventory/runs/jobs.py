"""Background jobs of the sync that clients can request."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from inventory.core.jobs import JobState

SyncJob = Literal["start", "retry", "consolidate", "cancel"]

SYNC_JOBS: Mapping[str, SyncJob] = {
    "schedule_run": "start",
    "retry_run": "retry",
    "consolidate_run": "consolidate",
    "cancel_run": "cancel",
}
"""The kind of each job, by its name in the queue."""


def run_of(state: JobState) -> UUID | None:
    """Return the id of the run that a job concerns, None until it exists."""
    text = state.result if state.name == "schedule_run" else state.arguments.get("run_id")
    return UUID(text) if text else None
