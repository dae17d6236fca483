"""Command `doctor`: checks of the dependencies of an installation."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import msgspec
import typer

from app.doctor import supplier as supplier_check
from app.doctor.service import unless_not_set
from inventory.core.checks import Check, DoctorReport, as_document, format_report, works
from inventory.core.command_line import print_json, run_command, start_command
from inventory.core.command_options import AsJson
from inventory.core.server_checks import examine_database, examine_redis, examine_settings
from inventory.core.settings import Settings

app = typer.Typer(help="Check the dependencies of this installation.")

_SECONDS = 300
_PIPELINE_SECONDS = 120
_MAX_REASON_LENGTH = 500

Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 for a warning, too.")]
Examine = Callable[[Settings], Awaitable[DoctorReport]]


class _PipelineDocument(msgspec.Struct, frozen=True):
    """The part of the output of `diamonds-sync doctor --json` that is shown here."""

    reports: Sequence[DoctorReport]


@app.callback(invoke_without_command=True)
def doctor(
    context: typer.Context,
    send: Annotated[bool, typer.Option("--send", help="Send a test mail to the operators.")] = False,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Check the settings, the database, Redis, the supplier, the queues, the watermark and the mails of this installation.

    What is wrong is named with the next step. The checks read only, except the mail of --send and a blob that is removed again.

    Exit code 0: nothing failed. 1: a check failed, or with --strict one has a warning. 2: a setting has an invalid value.
    """
    if context.invoked_subcommand is not None:
        return
    settings = start_command("doctor", log_level="ERROR")
    reports = run_command(_everything(settings, send=send), timeout_seconds=_SECONDS)
    if as_json:
        print_json(as_document(reports, strict=strict))
    else:
        typer.echo("\n\n".join(format_report(report) for report in reports))
    raise typer.Exit(0 if works(reports, strict=strict) else 1)


@app.command()
def supplier(as_json: AsJson = False) -> None:
    """Check the supplier: its schema, the login, counts and lookups. Reads only."""
    _run(supplier_check.examine, as_json=as_json)


@app.command()
def redis(as_json: AsJson = False) -> None:
    """Check Redis: whether it answers, its mode and its eviction policy. Reads only."""
    _run(examine_redis, as_json=as_json)


@app.command()
def database(as_json: AsJson = False) -> None:
    """Check the database: version, migrations, permissions, pooler and clock. Reads only."""
    _run(examine_database, as_json=as_json)


def _run(examine: Examine, *, as_json: bool) -> None:
    settings = start_command("doctor", log_level="ERROR")

    async def examined() -> DoctorReport:
        return await examine(settings)

    _finish(run_command(examined(), timeout_seconds=_SECONDS), as_json=as_json)


def _finish(report: DoctorReport, *, as_json: bool) -> None:
    if as_json:
        print_json({"works": report.works, **msgspec.structs.asdict(report)})
    else:
        typer.echo(format_report(report))
    raise typer.Exit(0 if report.works else 1)


async def _everything(settings: Settings, *, send: bool) -> Sequence[DoctorReport]:
    """Run all checks. One that lacks its settings is skipped: `settings` names what is missing."""
    examined = await asyncio.gather(
        unless_not_set("Database", examine_database, settings),
        unless_not_set("Redis", examine_redis, settings),
        unless_not_set("Supplier", supplier_check.examine, settings),
        _pipeline(send=send),
    )
    database_report, redis_report, supplier_report, pipeline_reports = examined
    return [examine_settings(settings), database_report, redis_report, supplier_report, *pipeline_reports]


async def _pipeline(*, send: bool) -> Sequence[DoctorReport]:
    """Run the checks of the pipeline. They are a command of its own, because the API does not know the pipeline."""
    arguments = ("-m", "sync", "doctor", "--json", *(("--send",) if send else ()))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(_PIPELINE_SECONDS):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        out, err = b"", f"no answer within {_PIPELINE_SECONDS} s".encode()
    try:
        return msgspec.json.decode(out, type=_PipelineDocument).reports
    except msgspec.MsgspecError:
        reason = err.decode(errors="replace").strip()[-_MAX_REASON_LENGTH:] or "no output"
    check = Check(
        name="checks", state="failed", detail=reason, next_step="Run `diamonds-sync doctor` to see the whole message."
    )
    return [DoctorReport(subject="Pipeline", checks=[check])]
