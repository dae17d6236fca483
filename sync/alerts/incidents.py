"""What someone must be told of the sync, put into words."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

import msgspec

from inventory.alerts.incident import Content, Incident, Kind
from inventory.core.errors import FeedIncomplete, SupplierSchemaChanged
from inventory.runs.models import Run, RunOutline
from sync.planning import nightly

_MOST_DIFFERENCES = 30
NIGHTLY = "nightly"  # who starts the nightly run

_KINDS: dict[str, Kind] = {
    "DEADLINE_PASSED": "deadline_passed",
    "QUARANTINE_EXCEEDED": "quarantine_exceeded",
    "MASS_DELETE_STOPPED": "mass_delete_stopped",
}


def run_ended(run: Run, outline: RunOutline, reason: str) -> Incident | None:
    """A run that ended without success; None for one that someone cancelled on purpose, or that completed.

    `reason` is what went wrong, `CODE: text`. A run that is retried and fails of the same once more is no news.
    """
    if run.status not in ("failed", "partial"):
        return None
    kind = _KINDS.get(run.error_code or "", "run_failed") if run.status == "failed" else "consolidation_skipped"
    advice = _advice(kind, run, outline)
    # A nightly run that can't be planned is tried again as another run, which is no news.
    unplanned = run.started_by == NIGHTLY and outline.total == 0
    what = f"{run.feed}:{nightly.last_due(run.started_at):%Y-%m-%d}" if unplanned else str(run.id)
    return Incident(
        key=f"{kind}:{what}:{_cause(reason)}",
        kind=kind,
        feed=run.feed,
        run_id=run.id,
        content=Content(
            subject=f"{advice.what} ({run.feed})",
            reason=run.error_message or "No reason is known.",
            figures=_figures(run, outline),
            next_step=advice.next_step,
            commands=advice.commands,
        ),
    )


def _cause(reason: str) -> str:
    """What tells one reason from another. An outage of the supplier speaks in many ways; being refused is none."""
    code = reason.partition(":")[0].partition("(")[0]
    if code == SupplierSchemaChanged.code or not code.startswith("SUPPLIER"):
        return code
    return "SUPPLIER_REFUSED" if "refused" in reason else "SUPPLIER"


class _Advice(msgspec.Struct, frozen=True):
    what: str
    next_step: str
    commands: Sequence[str]


_SKIPPED = """Look at why they failed, then read only those partitions again. What was read so far is kept; the \
inventory and the watermark stay as they were."""
_INCOMPLETE = """The supplier counts more stones than its pages show, or its counts contradict each other. Ask the supplier, \
then read the run again. The inventory and the watermark stay as they were."""
_QUARANTINED = """Look at the problems in the raw table. If the supplier has changed its format, the mapping must \
follow. If the stones really are that bad, raise SYNC_MAX_QUARANTINE_SHARE and consolidate again."""
_MASS_DELETE = """Ask the supplier whether these stones are really gone. Only if they are, confirm the deletion."""
_NOT_PLANNED = """Mend what the reason names, then start a run. The watermark has not moved, so nothing is missed."""
_TRIED_AGAIN = """It is tried again until 06:00 UTC, ever more rarely, and no mail is sent for the same reason. If that \
does not help, mend what the reason names and start a run. The watermark has not moved, so nothing is missed."""
_ALL_READ = """Everything was read. Mend what the reason names, then consolidate again. The watermark has not moved."""
_PARTLY_READ = """Mend what the reason names, then read on where the run stopped, or leave it to the next run. The \
watermark has not moved, so nothing is missed."""


def _advice(kind: Kind, run: Run, outline: RunOutline) -> _Advice:
    show, retry = f"python -m sync runs show {run.id}", f"python -m sync retry {run.id}"
    consolidate = f"python -m sync consolidate {run.id}"
    if kind == "consolidation_skipped":
        skipped = f"{outline.failed} of {outline.total} partitions failed: nothing was consolidated"
        incomplete = "The supplier did not show every stone: nothing was consolidated"
        if run.error_code == FeedIncomplete.code:
            skipped = incomplete
        return _Advice(skipped, _INCOMPLETE if skipped is incomplete else _SKIPPED, [show, retry])
    if kind == "quarantine_exceeded":
        quarantine = "Too many stones can't be understood: nothing was consolidated"
        return _Advice(quarantine, _QUARANTINED, [show, consolidate])
    if kind == "mass_delete_stopped":
        allow = f"python -m sync consolidate --allow-mass-delete {run.id}"
        return _Advice("Too many stones are gone from the feed: nothing was deleted", _MASS_DELETE, [show, allow])
    if outline.total == 0:
        step = _TRIED_AGAIN if run.started_by == NIGHTLY else _NOT_PLANNED
        return _Advice("The sync run failed before anything was read", step, [show, "python -m sync schedule"])
    what = "The sync run did not finish in time" if kind == "deadline_passed" else "The sync run failed"
    if outline.succeeded == outline.total:
        return _Advice(what, _ALL_READ, [show, consolidate])
    return _Advice(what, _PARTLY_READ, [show, retry])


def _figures(run: Run, outline: RunOutline) -> list[tuple[str, str]]:
    window = f"changes since {_minute(run.window_from)}" if run.window_from else "the whole feed"
    figures = [
        ("Run type", f"{run.run_type}, {window}"),
        ("Started", f"{_minute(run.started_at)} by {run.started_by}"),
        ("Partitions", f"{outline.succeeded} of {outline.total} succeeded"),
        ("Stones read", f"{run.fetched:,}, planned {outline.planned_stones:,}"),
    ]
    if run.completed_at is not None:
        figures.insert(
            2, ("Ended", f"{_minute(run.completed_at)}, after {_minutes(run.completed_at - run.started_at)}")
        )
    if run.upserted or run.unchanged or run.quarantined or run.deleted:
        done = f"{run.upserted:,} written, {run.unchanged:,} unchanged, {run.quarantined:,} quarantined"
        figures.append(("Consolidated", f"{done}, {run.deleted:,} deleted"))
    if run.unidentified:
        figures.append(("Without an id", f"{run.unidentified:,}"))
    return figures


def watermark_in_future(feed: str, watermark: str, reason: str) -> Incident:
    """No run can start: the watermark (an ISO instant) can't be right."""
    return Incident(
        key=f"watermark_in_future:{feed}:{watermark}",
        kind="watermark_in_future",
        feed=feed,
        run_id=None,
        content=Content(
            subject=f"The watermark lies in the future: no run was started ({feed})",
            reason=reason,
            figures=[("Watermark", watermark)],
            next_step="Check the clocks of the machines. Then set the watermark to an instant up to which the inventory "
            "is known to be complete; earlier is always safe.",
            commands=["python -m sync watermark show", "python -m sync watermark set INSTANT --reason TEXT"],
        ),
    )


def nightly_missed(feed: str, due: datetime) -> Incident:
    """The nightly run did not start."""
    return Incident(
        key=f"nightly_missed:{feed}:{due:%Y-%m-%d}",
        kind="nightly_missed",
        feed=feed,
        run_id=None,
        content=Content(
            subject=f"The nightly run did not start ({feed})",
            reason=f"No run of {feed} has started since {_minute(due)}, when the nightly one was due.",
            figures=[("Due", _minute(due))],
            next_step="Look at the logs of the scheduler (or of the jobs, where they start the run), then start it by hand. "
            "It reads everything since the watermark, so nothing is missed.",
            commands=["python -m sync runs list", "python -m sync schedule"],
        ),
    )


def schema_differs(feed: str, run_id: UUID, differences: Sequence[str]) -> Incident:
    """The supplier's schema lacks something that the sync reads. A set of differences is one incident, in every run."""
    digest = blake2b("\n".join(differences).encode(), digest_size=8).hexdigest()
    shown = [("Difference", one) for one in differences[:_MOST_DIFFERENCES]]
    if len(differences) > len(shown):
        shown.append(("More", str(len(differences) - len(shown))))
    return Incident(
        key=f"schema_differs:{feed}:{digest}",
        kind="schema_differs",
        feed=feed,
        run_id=run_id,
        content=Content(
            subject=f"The supplier's schema has changed ({feed})",
            reason=f"The supplier's schema lacks {len(differences)} of the members that the sync uses. The runs continue "
            "without them.",
            figures=shown,
            next_step="Compare what the supplier offers with what is read. Ask the supplier where the change is not known. "
            "This mail is sent once for each set of differences.",
            commands=["python -m app doctor supplier", f"python -m sync runs show {run_id}"],
        ),
    )


def dead_letters(feed: str, queue: str, count: str, oldest: str, since: datetime | None, reason: str) -> Incident:
    """Messages were put aside. As long as the oldest one stays there, it is one incident."""
    arrived = [("Oldest sent", _minute(since))] if since else []
    return Incident(
        key=f"dead_letters:{queue}:{oldest}",
        kind="dead_letters",
        feed=feed,
        run_id=None,
        content=Content(
            subject=f"Messages were put aside in {queue}",
            reason=f"They could not be processed. The oldest one: {reason}",
            figures=[("Queue", queue), ("Dead letters", count), *arrived],
            next_step="Look at them. Once the reason is mended, replay them (that is safe: what is done is not done "
            "again), or discard them.",
            commands=[f"python -m sync dead-letters {verb} --queue {queue}" for verb in ("list", "replay", "discard")],
        ),
    )


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _minutes(length: timedelta) -> str:
    hours, minutes = divmod(max(round(length.total_seconds() / 60), 1), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
