"""All checks of the pipeline, for the command `doctor` and for the job of that name."""

from collections.abc import Awaitable, Sequence

from inventory.core.checks import Check, DoctorReport
from inventory.core.clock import utc_now
from inventory.core.settings import Settings, SettingsError
from sync.doctor.mail import examine_mail
from sync.doctor.queues import examine_queues
from sync.doctor.runs import examine_run, examine_schedule, examine_watermark


async def examine_pipeline(settings: Settings, *, send: bool = False) -> Sequence[DoctorReport]:
    """Check the queues, the watermark and the newest run of each feed, and the mails. `send`: send a test mail."""
    now = utc_now()
    reports = [await _unless_not_set("Queues of Service Bus", examine_queues(settings))]
    for feed in settings.by_feed:
        chosen = settings.of_feed(feed)
        reports.append(await _unless_not_set(f"Watermark of {feed}", examine_watermark(chosen, now)))
        reports.append(await _unless_not_set(f"Newest run of {feed}", examine_run(chosen, now)))
    return [
        *reports,
        examine_schedule(settings, now),
        await _unless_not_set("Mails to operators", examine_mail(settings, now, send=send)),
    ]


async def _unless_not_set(subject: str, examined: Awaitable[DoctorReport]) -> DoctorReport:
    try:
        return await examined
    except SettingsError as error:
        skipped = Check(name="settings", state="skipped", detail=str(error).partition(". Example")[0])
        return DoctorReport(subject=subject, checks=[skipped])
