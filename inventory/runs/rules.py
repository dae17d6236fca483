"""Rules for starting, retrying, consolidating, cancelling and ending a run.

They are pure. The API calls them before it queues a job, and the pipeline calls them again under the run's lock. A
refusal is a `Conflict` or `NotFound` whose `details["reason"]` is one of `Reason`.
"""

from collections.abc import Sequence
from typing import Literal, NoReturn
from uuid import UUID

import msgspec

from inventory.core.counts import count_text
from inventory.core.errors import (
    Conflict,
    FeedIncomplete,
    InventoryError,
    MassDeleteStopped,
    NotFound,
    QuarantineExceeded,
)
from inventory.runs.models import Partition, PartitionStatus, Run, RunFacts, RunOutline, RunStatus

Reason = Literal[
    "RUN_NOT_NEWEST",
    "RUN_NOT_PLANNED",
    "RUN_OPEN",
    "RUN_COMPLETED",
    "RUN_CANCELLED",
    "RUN_ENDED",
    "PARTITION_NOT_FOUND",
    "PARTITION_NOT_FAILED",
    "NO_PARTITION_FAILED",
    "PARTITIONS_FAILED",
]

_RETRIED: frozenset[PartitionStatus] = frozenset({"failed", "cancelled"})
_REFUSED_RETRIES: dict[RunStatus, Reason] = {
    "planning": "RUN_OPEN",
    "running": "RUN_OPEN",
    "consolidating": "RUN_OPEN",
    "completed": "RUN_COMPLETED",
    "cancelled": "RUN_CANCELLED",
}


def partitions_to_retry(facts: RunFacts, chosen: UUID | int | None = None) -> Sequence[Partition]:
    """Select the partitions that a retry reads again: all that failed, or the partition with this id or ordinal.

    If every partition has succeeded and the run was incomplete as a whole, all of them may be read again.

    Raises:
        NotFound: the run has no such partition.
        Conflict: the run cannot be retried, or no partition has failed.
    """
    run = facts.run
    _check_newest(facts)
    if run.status in _REFUSED_RETRIES:
        _refuse(run, _REFUSED_RETRIES[run.status], f"is {run.status}; only a partial or failed run can be retried")
    if not facts.partitions:
        _refuse(
            run,
            "RUN_NOT_PLANNED",
            f"failed before it was planned; start a new run (diamonds-sync schedule --feed {run.feed})",
        )
    incomplete = _incomplete(facts)
    again = [part for part in facts.partitions if part.status in _RETRIED or incomplete]
    if chosen is not None:
        again = [_partition(facts, chosen, again)]
    if not again:
        _refuse(
            run,
            "NO_PARTITION_FAILED",
            f"has no failed partition; consolidate it instead (diamonds-sync consolidate {run.id})",
        )
    return again


def check_consolidation(facts: RunFacts, *, force: bool) -> bool:
    """Check that a run may be consolidated. True if the consolidation is forced: the run did not read everything.

    `force`: consolidate in spite of partitions that have not succeeded, or of a missing completeness proof.

    Raises:
        Conflict: the run cannot be consolidated, or it has gaps and `force` is not given.
    """
    run = facts.run
    _check_newest(facts)
    if run.status in ("planning", "running"):
        _refuse(run, "RUN_OPEN", f"is {run.status}; its partitions must end first")
    if run.status == "completed":
        _refuse(run, "RUN_COMPLETED", "is consolidated already")
    if run.status == "consolidating":
        return False
    if not facts.partitions and run.consolidate_requested_at is None:
        _refuse(run, "RUN_NOT_PLANNED", "failed before it was planned; there is nothing to consolidate")
    gaps = sum(part.status != "succeeded" for part in facts.partitions)
    if gaps and not force:
        _refuse(
            run,
            "PARTITIONS_FAILED",
            f"has not read {gaps} of {count_text(len(facts.partitions), 'partition')}. Retry them, or consolidate the read "
            "stones with `force`: then no diamond is deleted and the watermark does not move",
            failed=gaps,
        )
    return gaps > 0 or (force and run.error_code == FeedIncomplete.code)


def consolidation_hint(run: Run, *, allow_mass_delete: bool, allow_quarantine: bool) -> str:
    """Return what a request to consolidate a stopped run lacks; empty if it lacks nothing. `run`: before the request.

    Without the option that allows what stopped the run, the safety check stops it again unless its cause is corrected.
    """
    options = {
        QuarantineExceeded.code: ("--allow-quarantine", "too many quarantined items", allow_quarantine),
        MassDeleteStopped.code: ("--allow-mass-delete", "too many deletes", allow_mass_delete),
    }
    if run.error_code not in options:
        return ""
    option, cause, given = options[run.error_code]
    if given:
        return ""
    other = "; --allow-mass-delete does not allow these" if allow_mass_delete else ""
    other = "; --allow-quarantine does not allow these" if allow_quarantine else other
    return (
        f"Run {run.id} was stopped by {run.error_code}: {cause}{other}. If the cause is not corrected, it stops again. After a "
        f"review, allow it: `diamonds-sync consolidate {option} {run.id}`"
    )


def check_cancel(run: Run) -> None:
    """Check that a run may be cancelled.

    Raises:
        Conflict: the run has ended.
    """
    if not run.is_open:
        _refuse(run, "RUN_ENDED", f"has ended already: it is {run.status}")


def check_start(open_run: Run | None) -> None:
    """Check that a run may start. `open_run`: the open run of the feed.

    Raises:
        Conflict: another run of the feed is open.
    """
    if open_run is not None:
        raise Conflict(
            f"Run {open_run.id} is {open_run.status}; wait until it has ended, or cancel it.",
            details={"reason": "RUN_OPEN", "run_id": open_run.id, "status": open_run.status},
        )


class RunOutcome(msgspec.Struct, frozen=True):
    """The status that follows from the ended partitions of a run. `code`, `reason`: of a run that is not consolidated."""

    status: Literal["consolidating", "partial", "failed"]
    code: str = ""
    reason: str = ""


def outcome(outline: RunOutline, partitions: Sequence[Partition]) -> RunOutcome | None:
    """Decide the outcome of a run from its partitions. None while a partition is open.

    A run with incomplete partitions is partial, not failed: its pages are kept, and a retry reads the partitions again.
    """
    if outline.open:
        return None
    if outline.succeeded == outline.total:
        return RunOutcome("consolidating")
    errors = [part.error_message for part in partitions if part.status == "failed"]
    incomplete = [error for error in errors if error and error.startswith(FeedIncomplete.code)]
    all_incomplete = bool(incomplete) and len(incomplete) == len(errors)
    return RunOutcome(
        status="partial" if outline.succeeded or incomplete else "failed",
        code=FeedIncomplete.code if all_incomplete else "PARTITIONS_FAILED",
        reason=next(filter(None, errors), "no reason known"),
    )


def status_after(error: InventoryError) -> Literal["partial", "failed"]:
    """Decide the status of a run that ends with an error. An incomplete run is partial: it can be retried."""
    return "partial" if isinstance(error, FeedIncomplete) else "failed"


def _check_newest(facts: RunFacts) -> None:
    """Refuse an older run: a later run has read its part of the feed again."""
    run, newest = facts.run, facts.newest
    if newest.id != run.id:
        _refuse(
            run,
            "RUN_NOT_NEWEST",
            f"is not the newest of {run.feed}: {newest.id} ({newest.status}) came after it",
            newest_run_id=newest.id,
        )


def _incomplete(facts: RunFacts) -> bool:
    """Whether every partition has succeeded and the run as a whole lacks stones."""
    return facts.run.error_code == FeedIncomplete.code and all(part.status == "succeeded" for part in facts.partitions)


def _partition(facts: RunFacts, chosen: UUID | int, retried: Sequence[Partition]) -> Partition:
    for part in facts.partitions:
        if chosen in (part.id, part.ordinal):
            if part not in retried:
                _refuse(
                    facts.run,
                    "PARTITION_NOT_FAILED",
                    f"has a partition {part.ordinal} that is {part.status}; only a failed one can be retried",
                    partition_id=part.id,
                )
            return part
    raise NotFound(f"Run {facts.run.id} has no partition {chosen}.", details={"reason": "PARTITION_NOT_FOUND"})


def _refuse(run: Run, reason: Reason, sentence: str, **details: object) -> NoReturn:
    raise Conflict(
        f"Run {run.id} {sentence}.", details={"reason": reason, "run_id": run.id, "status": run.status, **details}
    )
