"""Incidents of the sync: the content of each kind of alert."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

import msgspec

from inventory.alerts.incident import Content, Incident, Kind
from inventory.core.counts import count_text
from inventory.core.durations import duration_text
from inventory.core.errors import FeedIncomplete, SupplierSchemaChanged
from inventory.core.settings.feeds import prefix
from inventory.runs.models import Run, RunOutline
from inventory.runs.review import MissingDiamond, QuarantineGroup
from inventory.runs.schedule import last_due

_MAX_DIFFERENCES = 30
MAX_DIAMONDS = 20  # in a mail; the commands and the dashboard show all of them
_MAX_PROBLEMS = 10
NIGHTLY = "nightly"  # `started_by` of the nightly run

_KINDS: dict[str, Kind] = {
    "DEADLINE_PASSED": "deadline_passed",
    "QUARANTINE_EXCEEDED": "quarantine_exceeded",
    "MASS_DELETE_STOPPED": "mass_delete_stopped",
}


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a safety check stopped a run for.

    `missing`: the first of `missing_total` active diamonds that would be deleted. `problems`: of the quarantined items.
    """

    missing: Sequence[MissingDiamond] = ()
    missing_total: int = 0
    problems: Sequence[QuarantineGroup] = ()


def run_ended(run: Run, outline: RunOutline, reason: str, evidence: Evidence) -> Incident | None:
    """Build the incident of a failed or partial run; None for a completed or cancelled one.

    `reason`: the error, as `CODE: text`. A retried run that fails with the same cause is the same incident.
    """
    if run.status not in ("failed", "partial"):
        return None
    kind = _KINDS.get(run.error_code or "", "run_failed") if run.status == "failed" else "consolidation_skipped"
    advice = _advice(kind, run, outline)
    # A nightly run that could not be planned is retried as another run: that is the same incident.
    unplanned = run.started_by == NIGHTLY and outline.total == 0
    subject_id = f"{run.feed}:{last_due(run.started_at):%Y-%m-%d}" if unplanned else str(run.id)
    return Incident(
        key=f"{kind}:{subject_id}:{_cause(reason)}",
        kind=kind,
        feed=run.feed,
        run_id=run.id,
        content=Content(
            subject=f"{advice.event} ({run.feed})",
            reason=run.error_message or "No reason is known.",
            figures=_figures(run, outline),
            next_step=advice.next_step,
            commands=advice.commands,
            findings_title=_findings_title(evidence),
            findings=_findings(evidence),
        ),
    )


def _findings_title(evidence: Evidence) -> str:
    if evidence.missing_total > len(evidence.missing):
        return f"The first {len(evidence.missing)} of {count_text(evidence.missing_total, 'diamond')} that would be deleted"
    if evidence.missing_total:
        return f"The {count_text(evidence.missing_total, 'diamond')} that would be deleted"
    return "Problems of quarantined items" if evidence.problems else ""


def _findings(evidence: Evidence) -> list[str]:
    diamonds = [
        f"{one.supplier_stone_id}: {one.shape} {one.carat_milli / 1000:.2f} ct, {one.retail_price_cents / 100:,.2f} USD"
        for one in evidence.missing
    ]
    problems = [
        f"{group.items:,} x {group.problem}, such as {', '.join(one.supplier_stone_id for one in group.examples)}"
        for group in evidence.problems[:_MAX_PROBLEMS]
    ]
    more = len(evidence.problems) - len(problems)
    return [*diamonds, *problems, *([f"... and {count_text(more, 'more problem')}"] if more > 0 else [])]


def _cause(reason: str) -> str:
    """Reduce a reason to its cause. All outages of the supplier are one cause; a refusal is another."""
    code = reason.partition(":")[0].partition("(")[0]
    if code == SupplierSchemaChanged.code or not code.startswith("SUPPLIER"):
        return code
    return "SUPPLIER_REFUSED" if "refused" in reason else "SUPPLIER"


class _Advice(msgspec.Struct, frozen=True):
    event: str
    next_step: str
    commands: Sequence[str]


_SKIPPED = """Find out why they failed, then read only those partitions again. The stones that were read are kept; the \
inventory and the watermark have not changed."""
_INCOMPLETE = """The supplier counts more stones than its pages show, or its counts contradict each other. Ask the supplier, \
then retry the run. The inventory and the watermark have not changed."""
_QUARANTINED = """If the supplier has sent wrong data, ask for a correction and start a new run: this run keeps what it read. If \
its format has changed, deploy a mapping that follows, then consolidate this run again. If these items are really that bad, allow \
them for this run: they are not offered. The inventory and the watermark have not changed."""
_MASS_DELETE = """Ask the supplier whether these diamonds are really gone. Only if they are, allow the deletion. If the feed was \
incomplete, start a new full run when it is whole again. The inventory and the watermark have not changed."""
_NOT_PLANNED = """Correct the cause, then start a run. The watermark has not moved, so no change is missed."""
_TRIED_AGAIN = """The run is retried until 06:00 UTC with growing pauses; no other mail is sent for the same reason. If the \
retries fail, correct the cause and start a run. The watermark has not moved, so no change is missed."""
_ALL_READ = """Everything was read. Correct the cause, then consolidate again. The watermark has not moved."""
_PARTLY_READ = """Correct the cause, then retry the failed partitions, or wait for the next run. The watermark has not \
moved, so no change is missed."""


def _advice(kind: Kind, run: Run, outline: RunOutline) -> _Advice:
    show, retry = f"diamonds-sync runs show {run.id}", f"diamonds-sync retry {run.id}"
    consolidate, start = f"diamonds-sync consolidate {run.id}", _start(run.feed)
    if kind == "consolidation_skipped":
        skipped = f"{outline.failed} of {count_text(outline.total, 'partition')} failed: nothing was consolidated"
        incomplete = "The supplier did not show every stone: nothing was consolidated"
        if run.error_code == FeedIncomplete.code:
            skipped = incomplete
        return _Advice(skipped, _INCOMPLETE if skipped is incomplete else _SKIPPED, [show, retry])
    if kind == "quarantine_exceeded":
        quarantine = "Too many stones cannot be mapped: nothing was consolidated"
        problems = f"diamonds-sync quarantine list --run {run.id} --payloads"
        again = f"{start} --full" if run.run_type == "full" else start
        allow = f"diamonds-sync consolidate --allow-quarantine {run.id}"
        return _Advice(quarantine, _QUARANTINED, [problems, again, consolidate, allow])
    if kind == "mass_delete_stopped":
        missing = f"diamonds-sync runs show {run.id} --missing"
        allow = f"diamonds-sync consolidate --allow-mass-delete {run.id}"
        event = "Too many stones are gone from the feed: nothing was deleted"
        return _Advice(event, _MASS_DELETE, [missing, allow, f"{start} --full"])
    if outline.total == 0:
        step = _TRIED_AGAIN if run.started_by == NIGHTLY else _NOT_PLANNED
        return _Advice("The sync run failed before anything was read", step, [show, start])
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
            2, ("Ended", f"{_minute(run.completed_at)}, after {duration_text(run.completed_at - run.started_at)}")
        )
    if run.upserted or run.unchanged or run.quarantined or run.deleted:
        done = f"{run.upserted:,} written, {run.unchanged:,} unchanged, {run.quarantined:,} quarantined"
        figures.append(("Consolidated", f"{done}, {run.deleted:,} deleted"))
    if run.unidentified:
        figures.append(("Without an id", f"{run.unidentified:,}"))
    return figures


def watermark_in_future(feed: str, watermark: str, reason: str) -> Incident:
    """Build the incident of a watermark (an ISO instant) in the future: no run can start."""
    return Incident(
        key=f"watermark_in_future:{feed}:{watermark}",
        kind="watermark_in_future",
        feed=feed,
        run_id=None,
        content=Content(
            subject=f"The watermark is in the future: no run was started ({feed})",
            reason=reason,
            figures=[("Watermark", watermark)],
            next_step="Check the clocks of the machines. Then set the watermark to an instant up to which the inventory "
            "is known to be complete; earlier is always safe.",
            commands=[
                f"diamonds-sync watermark show --feed {feed}",
                f"diamonds-sync watermark set INSTANT --feed {feed} --reason TEXT",
            ],
        ),
    )


def nightly_missed(feed: str, due: datetime) -> Incident:
    """Build the incident of a nightly run that did not start."""
    return Incident(
        key=f"nightly_missed:{feed}:{due:%Y-%m-%d}",
        kind="nightly_missed",
        feed=feed,
        run_id=None,
        content=Content(
            subject=f"The nightly run did not start ({feed})",
            reason=f"No run of {feed} has started since {_minute(due)}, when the nightly one was due.",
            figures=[("Due", _minute(due))],
            next_step="Check the logs of the scheduler (or of the jobs role, if it starts the run), then start a run. "
            "The run reads all changes since the watermark, so no change is missed.",
            commands=[f"diamonds-sync runs list --feed {feed}", _start(feed)],
        ),
    )


def feed_silent(feed: str, newest: Run, max_age: timedelta, now: datetime) -> Incident:
    """Build the incident of a feed of files whose supplier delivers nothing new. `newest`: its newest run, a completed one."""
    age = duration_text(now - newest.window_to)
    return Incident(
        key=f"feed_silent:{feed}:{newest.window_to.isoformat()}",
        kind="feed_silent",
        feed=feed,
        run_id=None,
        content=Content(
            subject=f"The supplier has delivered nothing new for {age} ({feed})",
            reason=f"No new price list of {feed} has arrived since {_minute(newest.window_to)}, longer than the allowed "
            f"{duration_text(max_age)} ({prefix(feed)}MAX_AGE_HOURS). The inventory keeps the diamonds and prices of that list.",
            figures=[("Newest data", _minute(newest.window_to)), ("Run that read it", str(newest.id))],
            next_step="Ask the supplier for its list, and check that it arrives at the source of the feed. A new list is read at "
            "the next scheduled time, or by the second command. If lists come less often, raise the setting.",
            commands=[f"diamonds-sync runs list --feed {feed}", _start(feed)],
        ),
    )


def schema_differs(feed: str, run_id: UUID, differences: Sequence[str]) -> Incident:
    """Build the incident of members that the supplier's schema lacks. A set of differences is one incident for all runs."""
    digest = blake2b("\n".join(differences).encode(), digest_size=8).hexdigest()
    shown = [("Difference", difference) for difference in differences[:_MAX_DIFFERENCES]]
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
            next_step="Compare the supplier's schema with the queries of the sync. Ask the supplier about unknown changes. "
            "This mail is sent once for each set of differences.",
            commands=["diamonds-app doctor supplier", f"diamonds-sync runs show {run_id}"],
        ),
    )


def dead_letters(feed: str, queue: str, count: str, number: int, since: datetime | None, reason: str) -> Incident:
    """Build the incident of dead letters. It is one incident as long as the oldest one stays in its queue."""
    arrived = [("Oldest sent", _minute(since))] if since else []
    return Incident(
        # With its time: a queue that is created again numbers its messages from the beginning.
        key=dead_letters_key(queue, f"{number}:{since.isoformat() if since else ''}"),
        kind="dead_letters",
        feed=feed,
        run_id=None,
        content=Content(
            subject=f"Dead letters in {queue}",
            reason=f"Messages could not be handled. The oldest one: {reason}",
            figures=[("Queue", queue), ("Dead letters", count), *arrived],
            next_step="List them and correct the cause. Then replay or discard them by their numbers, or all of them. A replay "
            "is safe: the roles handle a repeated message once.",
            commands=[
                f"diamonds-sync dead-letters list --queue {queue}",
                *(f"diamonds-sync dead-letters {verb} --queue {queue} {number}" for verb in ("replay", "discard")),
            ],
        ),
    )


def dead_letters_key(queue: str, oldest: str) -> str:
    """Key of the incident of a queue's dead letters. `oldest`: number and time of the oldest one."""
    return f"dead_letters:{queue}:{oldest}"


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _start(feed: str) -> str:
    """The command that starts a run. It names the feed: without it a run of the first one would start."""
    return f"diamonds-sync schedule --feed {feed}"
