"""Rules for runs as a table: allowed requests, and the reason of a rejection."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import msgspec
import pytest

from inventory.core.errors import Conflict, FeedIncomplete, InventoryError, NotFound, QuarantineExceeded
from inventory.runs.models import Partition, PartitionStatus, Run, RunFacts, RunOutline, RunStatus
from inventory.runs.rules import (
    Reason,
    RunOutcome,
    check_cancel,
    check_consolidation,
    check_start,
    consolidation_hint,
    outcome,
    partitions_to_retry,
    status_after,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def run(status: RunStatus, number: int = 1, *, asked: bool = False, error: str | None = None) -> Run:
    values: dict[str, Any] = dict.fromkeys(Run.__struct_fields__) | {
        "id": UUID(int=number), "feed": "nivoda", "run_type": "full", "status": status, "started_by": "a test",
        "trace_id": "", "window_from": None, "window_to": NOON, "moves_watermark": True, "plan": None,
        "consolidate_requested_at": NOON if asked else None, "consolidate_sent_at": None, "consolidated_through": None,
        "consolidated_at": None, "watermark_moved_at": None, "forced_by": None, "mass_delete_allowed_by": None,
        "schema_differences": [], "error_code": error, "error_message": None, "deadline_at": NOON, "started_at": NOON, "completed_at": None,
    }  # fmt: skip
    return Run(**values)


def partition(ordinal: int, status: PartitionStatus) -> Partition:
    values: dict[str, Any] = dict.fromkeys(Partition.__struct_fields__) | {
        "id": UUID(int=100 + ordinal), "run_id": UUID(int=1), "feed": "nivoda", "ordinal": ordinal, "kind": "band",
        "status": status, "first_offset": 0, "planned_stones": 1, "attempts": 1, "pages": 1, "fetched": 1,
    }  # fmt: skip
    return Partition(**values)


def facts(
    status: RunStatus,
    *partitions: PartitionStatus,
    newest: RunStatus | None = None,
    asked: bool = False,
    error: str | None = None,
) -> RunFacts:
    own = run(status, asked=asked, error=error)
    return RunFacts(
        own, run(newest, 2) if newest else own, [partition(place, each) for place, each in enumerate(partitions)]
    )


def refusal(rule: Callable[[], object]) -> str:
    """Call a rule, check the fields of its error, return the reason."""
    with pytest.raises((Conflict, NotFound)) as refused:
        rule()
    reason = refused.value.details["reason"]
    assert reason in get_args(Reason)
    assert refused.value.message.endswith(".")
    return str(reason)


@pytest.mark.parametrize(
    ("of", "chosen", "retried"),
    [
        (facts("partial", "succeeded", "failed", "failed"), None, [1, 2]),
        (facts("failed", "cancelled", "failed", "succeeded"), None, [0, 1]),
        (facts("partial", "succeeded", "failed", "failed"), 2, [2]),
        (facts("partial", "succeeded", "failed", "failed"), UUID(int=101), [1]),
        (facts("partial", "succeeded", "failed", error="INCOMPLETE"), None, [1]),
        (facts("partial", "succeeded", "succeeded", error="INCOMPLETE"), None, [0, 1]),
        (facts("partial", "succeeded", "succeeded", error="INCOMPLETE"), 1, [1]),
    ],
)
def test_retry_reads_failed_partitions(of: RunFacts, chosen: UUID | int | None, retried: Sequence[int]) -> None:
    assert [part.ordinal for part in partitions_to_retry(of, chosen)] == retried


@pytest.mark.parametrize(
    ("of", "chosen", "reason"),
    [
        (facts("planning"), None, "RUN_OPEN"),
        (facts("running", "failed"), None, "RUN_OPEN"),
        (facts("consolidating", "succeeded"), None, "RUN_OPEN"),
        (facts("completed", "succeeded"), None, "RUN_COMPLETED"),
        (facts("cancelled", "cancelled"), None, "RUN_CANCELLED"),
        (facts("failed"), None, "RUN_NOT_PLANNED"),
        (facts("failed"), 0, "RUN_NOT_PLANNED"),
        (facts("failed", "succeeded"), None, "NO_PARTITION_FAILED"),
        (facts("partial", "succeeded", "failed"), 0, "PARTITION_NOT_FAILED"),
        (facts("partial", "succeeded", "failed"), 7, "PARTITION_NOT_FOUND"),
        (facts("partial", "succeeded", "failed"), UUID(int=7), "PARTITION_NOT_FOUND"),
        *((facts("partial", "failed", newest=newest), None, "RUN_NOT_NEWEST") for newest in get_args(RunStatus)),
    ],
)
def test_retry_is_rejected_with_reason(of: RunFacts, chosen: UUID | int | None, reason: Reason) -> None:
    assert refusal(lambda: partitions_to_retry(of, chosen)) == reason


@pytest.mark.parametrize(
    ("of", "force", "forced"),
    [
        (facts("failed", "succeeded", "succeeded"), False, False),
        (facts("failed", "succeeded", "succeeded"), True, False),
        (facts("partial", "succeeded", "failed"), True, True),
        (facts("cancelled", "succeeded", "cancelled"), True, True),
        (facts("consolidating", "succeeded", "failed"), False, False),
        (facts("failed", asked=True), False, False),  # an empty feed
        (facts("partial", "succeeded", error="INCOMPLETE"), False, False),
        (facts("partial", "succeeded", error="INCOMPLETE"), True, True),
    ],
)
def test_consolidation_is_forced_only_when_partitions_are_missing(of: RunFacts, force: bool, forced: bool) -> None:
    assert check_consolidation(of, force=force) == forced


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (facts("planning"), "RUN_OPEN"),
        (facts("running", "failed"), "RUN_OPEN"),
        (facts("completed", "succeeded"), "RUN_COMPLETED"),
        (facts("failed"), "RUN_NOT_PLANNED"),
        (facts("failed", "succeeded", newest="completed"), "RUN_NOT_NEWEST"),
        (facts("partial", "failed", newest="running"), "RUN_NOT_NEWEST"),
    ],
)
def test_consolidation_is_rejected_with_reason(of: RunFacts, force: bool, reason: Reason) -> None:
    assert refusal(lambda: check_consolidation(of, force=force)) == reason


def test_gaps_are_consolidated_only_by_force() -> None:
    assert refusal(lambda: check_consolidation(facts("partial", "succeeded", "failed"), force=False)) == (
        "PARTITIONS_FAILED"
    )


@pytest.mark.parametrize("status", get_args(RunStatus))
def test_open_run_can_be_cancelled_and_blocks_other_runs(status: RunStatus) -> None:
    one = run(status)
    if one.is_open:
        check_cancel(one)
        assert refusal(lambda: check_start(one)) == "RUN_OPEN"
    else:
        assert refusal(lambda: check_cancel(one)) == "RUN_ENDED"
    check_start(None)


@pytest.mark.parametrize(
    ("errors", "pending", "expected"),
    [
        ([], 0, RunOutcome("consolidating")),
        ([None], 0, RunOutcome("consolidating")),
        ([None, "TIMEOUT: no"], 1, None),
        ([None, "TIMEOUT: no"], 0, RunOutcome("partial", "PARTITIONS_FAILED", "TIMEOUT: no")),
        (["TIMEOUT: no"], 0, RunOutcome("failed", "PARTITIONS_FAILED", "TIMEOUT: no")),
        (["INCOMPLETE: 1"], 0, RunOutcome("partial", "INCOMPLETE", "INCOMPLETE: 1")),
        (["INCOMPLETE: 1", "TIMEOUT: no"], 0, RunOutcome("partial", "PARTITIONS_FAILED", "INCOMPLETE: 1")),
        ([""], 0, RunOutcome("failed", "PARTITIONS_FAILED", "no reason known")),
    ],
)
def test_run_outcome_follows_from_partitions(
    errors: Sequence[str | None], pending: int, expected: RunOutcome | None
) -> None:
    """`errors`: None for a partition that has succeeded."""
    parts = [
        msgspec.structs.replace(
            partition(number, "succeeded" if error is None else "failed"), error_message=error or None
        )
        for number, error in enumerate(errors)
    ]
    succeeded = errors.count(None)
    outline = RunOutline(
        total=len(errors) + pending,
        succeeded=succeeded,
        failed=len(errors) - succeeded,
        open=pending,
        fetched=0,
        planned_stones=0,
        max_over_mean=1.0,
    )
    assert outcome(outline, parts) == expected


@pytest.mark.parametrize(("error", "status"), [(FeedIncomplete(), "partial"), (QuarantineExceeded(), "failed")])
def test_run_that_ends_with_missing_listings_is_partial(error: InventoryError, status: str) -> None:
    assert status_after(error) == status


@pytest.mark.parametrize(
    ("error", "mass_delete", "quarantine", "hint"),
    [
        ("QUARANTINE_EXCEEDED", True, False, "--allow-mass-delete does not allow these"),
        ("QUARANTINE_EXCEEDED", False, False, "consolidate --allow-quarantine"),
        ("QUARANTINE_EXCEEDED", False, True, ""),
        ("QUARANTINE_EXCEEDED", True, True, ""),
        ("MASS_DELETE_STOPPED", False, True, "--allow-quarantine does not allow these"),
        ("MASS_DELETE_STOPPED", False, False, "consolidate --allow-mass-delete"),
        ("MASS_DELETE_STOPPED", True, False, ""),
        ("INCOMPLETE", True, True, ""),
        (None, False, False, ""),
    ],
)
def test_consolidation_hint_names_option_for_what_stopped_run(
    error: str | None, mass_delete: bool, quarantine: bool, hint: str
) -> None:
    found = consolidation_hint(run("failed", error=error), allow_mass_delete=mass_delete, allow_quarantine=quarantine)
    assert hint in found
    assert bool(found) == bool(hint)
