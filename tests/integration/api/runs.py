"""Rows of runs and partitions for tests."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from tests.integration.api.diamonds import EPOCH, Row

_NAMESPACE = UUID("5b0c1a52-0c3f-4d57-9a3a-3b0d0c0f8a11")


def run_id(number: int) -> UUID:
    """The id of the run with this number."""
    return uuid5(_NAMESPACE, f"run {number}")


def partition_id(number: int, ordinal: int) -> UUID:
    """The id of a partition of the run with this number."""
    return uuid5(_NAMESPACE, f"partition {number} {ordinal}")


def build_run(number: int, **values: Any) -> Row:
    """A row of `run_metadata`: a full run, completed, that started `number` hours after EPOCH."""
    started = EPOCH + timedelta(hours=number)
    completed = values.get("status", "completed") == "completed"
    return {
        "id": run_id(number),
        "feed": "nivoda",
        "run_type": "full",
        "status": "completed",
        "started_by": "test",
        "trace_id": f"{number:032x}",
        "window_from": None,
        "window_to": started,
        "moves_watermark": True,
        "consolidate_requested_at": None,
        "consolidated_through": None,
        "consolidated_at": started + timedelta(minutes=4) if completed else None,
        "fetched": 10,
        "distinct_stones": 9,
        "repeated": 1,
        "upserted": 7,
        "unchanged": 1,
        "quarantined": 1,
        "error_code": None,
        "error_message": None,
        "deadline_at": started + timedelta(hours=6),
        "started_at": started,
        "completed_at": started + timedelta(minutes=5),
        **values,
    }


def build_partition(number: int, ordinal: int, **values: Any) -> Row:
    """A row of `worker_runs`: a price band that was read."""
    started = EPOCH + timedelta(hours=number, minutes=ordinal)
    return {
        "id": partition_id(number, ordinal),
        "run_id": run_id(number),
        "feed": "nivoda",
        "ordinal": ordinal,
        "kind": "band",
        "price_from": ordinal * 100,
        "price_to": ordinal * 100 + 99,
        "planned_stones": 5,
        "status": "succeeded",
        "attempts": 1,
        "worker_id": f"worker-{ordinal}",
        "pages": 2,
        "fetched": 5,
        "error_message": None,
        "started_at": started,
        "completed_at": started + timedelta(minutes=1),
        **values,
    }


def run_figures(number: int, **values: Any) -> dict[str, Any]:
    """REST representation of a run of `build_run` without partitions."""
    row = build_run(number)
    if values.get("status", "completed") != "completed":
        # Not consolidated: its partitions have read nothing, and the number of distinct stones is unknown.
        unknown = {"distinct_stones": None, "repeated": None}
        values = {"consolidated_at": None, "fetched": 0, **unknown, **values}
    return {
        "run_id": str(run_id(number)), "feed": "nivoda", "run_type": "full", "status": "completed",
        "phase": "completed", "started_by": "test", "started_at": text(row["started_at"]),
        "completed_at": text(row["completed_at"]), "window_from": None, "window_to": text(row["window_to"]),
        "consolidated_at": text(row["consolidated_at"]), "watermark_moved_at": None, "forced_by": None, "fetched": 10, "distinct_stones": 9,
        "repeated": 1, "upserted": 7, "unchanged": 1, "quarantined": 1, "unidentified": 0, "deleted": 0, "revived": 0, "error_code": None,
        "error_message": None, "trace_id": f"{number:032x}", **values,
    }  # fmt: skip


def text(instant: Any) -> str:
    """An instant in the format of responses."""
    return str(instant.isoformat().replace("+00:00", "Z"))
