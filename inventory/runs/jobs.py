"""The background jobs of the sync, as its clients see them."""

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
"""What each job does, by the name under which it is queued."""


def run_of(state: JobState) -> UUID | None:
    """The run that a job concerns, None until there is one."""
    text = state.result if state.name == "schedule_run" else state.arguments.get("run_id")
    return UUID(text) if text else None
