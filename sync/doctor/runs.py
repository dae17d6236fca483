"""Checks of the last run, the watermark and its storage."""

from datetime import datetime, timedelta

from inventory.core.checks import Check, DoctorReport
from inventory.core.database import Database
from inventory.core.durations import duration_text, instant_text
from inventory.core.errors import InventoryError
from inventory.core.settings import Settings
from inventory.runs import repository
from inventory.runs.models import Run
from inventory.runs.schedule import next_nightly
from sync.messaging.credential import ProcessCredential
from sync.watermark.store import open_watermark_store, probe_storage

# So long after the age that the feed allows, which is a warning, the check fails.
_MUCH_LONGER = timedelta(hours=10)
_SKEW = timedelta(minutes=5)


async def examine_run(settings: Settings, now: datetime) -> DoctorReport:
    """Check how the newest run ended."""
    subject = f"Newest run of {settings.sync.feed}"
    try:
        async with Database.open(settings.database) as database, database.bounded() as connection:
            run = await repository.newest(connection, settings.sync.feed)
    except (InventoryError, TimeoutError) as error:
        check = Check(name="run", state="failed", detail=str(error), next_step="Run: diamonds-app doctor database")
        return DoctorReport(subject=subject, checks=[check])
    return DoctorReport(subject=subject, checks=[_run(run, now, _of_feed(settings))])


def _of_feed(settings: Settings, feed: str = "") -> str:
    """The option that names the feed in a command; empty in an installation with one feed."""
    return f" --feed {feed or settings.sync.feed}" if len(settings.by_feed) > 1 else ""


def _run(run: Run | None, now: datetime, of_feed: str) -> Check:
    if run is None:
        return Check(
            name="run",
            state="degraded",
            detail="there is none yet",
            next_step=f"Start one: diamonds-sync schedule{of_feed}",
        )
    when = f"{instant_text(run.started_at)} UTC, {duration_text(now - run.started_at)} ago"
    detail = f"{run.id} ({run.run_type}) is {run.status}; started {when}"
    if run.status == "completed":
        return Check(name="run", state="ok", detail=detail)
    if run.is_open:
        overdue = run.deadline_at < now
        return Check(
            name="run",
            state="degraded" if overdue else "ok",
            detail=detail,
            next_step="Its deadline has passed. End it: diamonds-sync reconcile" if overdue else "",
        )
    return Check(
        name="run",
        state="degraded",
        detail=detail,
        items=[f"{run.error_code}: {run.error_message}"] if run.error_code else [],
        next_step=f"See its partitions and reasons: diamonds-sync runs show {run.id}",
    )


def examine_schedule(settings: Settings, now: datetime) -> DoctorReport:
    """Say when the next run of each feed is due, and what starts it."""
    checks = []
    for name, feed in settings.by_feed.items():
        due = next_nightly(now, feed.times)
        when = f"{instant_text(due)} UTC, in {duration_text(due - now)}"
        if settings.sync.nightly:
            detail = f"the jobs role starts the next run at {when}"
        else:
            command = f"diamonds-sync schedule{_of_feed(settings, name)}"
            detail = (
                f"the jobs role does not start runs (SYNC_NIGHTLY is false): cron, or a job of the cloud, must run "
                f"`{command}` at {when}"
            )
            if settings.sync.nightly_retry:
                detail += "; the jobs role retries that run if it cannot be planned"
        checks.append(Check(name=name, state="ok", detail=detail))
    return DoctorReport(subject="Schedule", checks=checks)


async def examine_watermark(settings: Settings, now: datetime) -> DoctorReport:
    """Check the watermark and that its storage can be written.

    Raises:
        SettingsError: no storage is set, or the directory is not writable.
    """
    subject = f"Watermark of {settings.sync.feed}"
    try:
        async with ProcessCredential() as credential:
            place = await probe_storage(settings, credential)
            async with open_watermark_store(settings, credential) as store:
                stored = await store.read()
    except InventoryError as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        step = (
            f"Inspect it, then set it: diamonds-sync watermark set INSTANT --reason TEXT{_of_feed(settings)}"
            if error.code.startswith("WATERMARK")
            else "Check the address of the storage account, that the container exists, and the rights of this identity "
            "(Storage Blob Data Contributor)."
        )
        check = Check(name="storage", state="failed", detail=f"{error.message}{cause}", next_step=step)
        return DoctorReport(subject=subject, checks=[check])
    instant = stored[0].last_updated_at if stored else None
    max_age = settings.by_feed[settings.sync.feed].max_age_hours
    storage = Check(name="storage", state="ok", detail=f"{place} can be read and written")
    return DoctorReport(
        subject=subject,
        checks=[storage, _age(instant, now, timedelta(hours=max_age), _of_feed(settings))],
    )


def _age(instant: datetime | None, now: datetime, max_age: timedelta, of_feed: str) -> Check:
    if instant is None:
        return Check(name="watermark", state="ok", detail="there is none yet: the next run is full")
    if instant - now > _SKEW:
        return Check(
            name="watermark",
            state="failed",
            detail=f"{instant.isoformat()} is in the future: no run starts",
            next_step=f"Check the clocks, then set it: diamonds-sync watermark set INSTANT --reason TEXT{of_feed}",
        )
    age = now - instant
    return Check(
        name="watermark",
        state="failed" if age > max_age + _MUCH_LONGER else "degraded" if age > max_age else "ok",
        detail=f"{instant.isoformat()}, {duration_text(age)} ago",
        next_step=""
        if age <= max_age
        else f"No run has succeeded since: diamonds-sync runs list{of_feed}. Start one: diamonds-sync schedule{of_feed}",
    )
