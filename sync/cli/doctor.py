"""`doctor`: checks of the pipeline's dependencies."""

from typing import Annotated

import typer

from inventory.core.checks import as_document, format_report, works
from inventory.core.command_line import print_json, run_command, start_command
from inventory.core.command_options import AsJson
from sync.doctor.pipeline import examine_pipeline

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
    reports = run_command(examine_pipeline(settings, send=send), timeout_seconds=_SECONDS)
    if as_json:
        print_json(as_document(reports, strict=strict))
    else:
        typer.echo("\n\n".join(format_report(report) for report in reports))
    raise typer.Exit(0 if works(reports, strict=strict) else 1)
