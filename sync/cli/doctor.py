"""`doctor`: checks of the pipeline's dependencies."""

from collections.abc import Awaitable, Sequence
from typing import Annotated

import typer

from inventory.core.checks import Check, DoctorReport, as_document, format_report, works
from inventory.core.clock import utc_now
from inventory.core.command_line import AsJson, print_json, run_command, start_command
from inventory.core.settings import Settings, SettingsError
from sync.doctor.mail import examine_mail
from sync.doctor.queues import examine_queues
from sync.doctor.runs import examine_run, examine_watermark

_SECONDS = 110


def doctor(
    send: Annotated[bool, typer.Option("--send", help="Send a test mail to the operators.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for a warning, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check the queues, the watermark and its storage, the newest run and the mails. `diamonds-app doctor` includes it.

    Exit code 0: nothing failed. 1: a check failed, or with --strict one has a warning. 2: a setting has an invalid value.
    """
    settings = start_command("doctor", log_level="ERROR")
    reports = run_command(_examine(settings, send=send), timeout_seconds=_SECONDS)
    if as_json:
        print_json(as_document(reports, strict=strict))
    else:
        typer.echo("\n\n".join(format_report(report) for report in reports))
    raise typer.Exit(0 if works(reports, strict=strict) else 1)


async def _examine(settings: Settings, *, send: bool) -> Sequence[DoctorReport]:
    now = utc_now()
    return [
        await _unless_not_set("Queues of Service Bus", examine_queues(settings)),
        await _unless_not_set("Watermark", examine_watermark(settings, now)),
        await _unless_not_set("Newest run", examine_run(settings, now)),
        await _unless_not_set("Mails to operators", examine_mail(settings, now, send=send)),
    ]


async def _unless_not_set(subject: str, examined: Awaitable[DoctorReport]) -> DoctorReport:
    try:
        return await examined
    except SettingsError as error:
        skipped = Check(name="settings", state="skipped", detail=str(error).partition(". Example")[0])
        return DoctorReport(subject=subject, checks=[skipped])
