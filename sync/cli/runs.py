"""`runs list|show|cancel`, `retry`, `consolidate`, `reconcile`: commands on runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from inventory.core.command_line import AsJson, facts_table, print_json, print_text, run_command, start_command
from inventory.core.database import Database
from inventory.core.operator import operator_identity
from inventory.runs import repository
from inventory.runs.models import Partition, Run, RunOutline
from sync.container import open_control
from sync.operations.reconcile import ReconcileReport
from sync.planning.histogram import label
from sync.planning.partition import Band

app = typer.Typer(no_args_is_help=True, help="Runs: list them, show one, cancel one.")

RunId = Annotated[UUID, typer.Argument(metavar="RUN_ID")]


@app.command(name="list")
def list_runs(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Largest number of runs, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    settings = start_command("runs")

    async def command() -> None:
        async with Database.open(settings.database) as database, database.connection() as connection:
            runs = await repository.listing(connection, limit=limit)
        if as_json:
            print_json([_without_plan(one) for one in runs])
        else:
            print_text(_runs(runs))

    run_command(command())


@app.command(name="show")
def show_run(run_id: RunId, as_json: AsJson = False) -> None:
    """Show a run with its partitions."""
    settings = start_command("runs")

    async def command() -> None:
        async with Database.open(settings.database) as database, database.connection() as connection:
            found = await repository.run(connection, run_id)
            outline = await repository.outline(connection, run_id)
            partitions = await repository.partitions(connection, run_id)
        _print_run(found, outline, partitions, as_json=as_json)

    run_command(command())


@app.command()
def cancel(run_id: RunId, as_json: AsJson = False) -> None:
    """End an open run. Its workers stop with their next page; the watermark stays."""
    settings = start_command("runs")

    async def command() -> None:
        async with open_control(settings) as (control, _):
            _print_outcome(await control.cancel(run_id, operator_identity()), "was cancelled", as_json=as_json)

    run_command(command())


def retry(
    run_id: RunId,
    partition: Annotated[
        str | None, typer.Option(metavar="P", help="Only this partition, by number or id; all failed ones by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the failed partitions of the newest run again, from the start."""
    settings = start_command("retry")
    chosen = _partition(partition)

    async def command() -> None:
        async with open_control(settings) as (control, _):
            retried, partitions = await control.retry(run_id, chosen, operator_identity())
        if as_json:
            print_json({"run_id": retried.id, "status": retried.status, "partitions": [p.id for p in partitions]})
        else:
            print_text(f"Run {retried.id} is {retried.status} again: {len(partitions)} partitions are read.")

    run_command(command())


def consolidate(
    run_id: RunId,
    force: Annotated[
        bool,
        typer.Option("--force", help="Accept failed partitions. Deletes nothing; the watermark stays."),
    ] = False,
    allow_mass_delete: Annotated[
        bool, typer.Option("--allow-mass-delete", help="Confirm that these stones are really gone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Request the consolidation of the newest run again."""
    settings = start_command("consolidate")

    async def command() -> None:
        async with open_control(settings) as (control, _):
            requested = await control.consolidate(
                run_id, operator_identity(), force=force, allow_mass_delete=allow_mass_delete
            )
        _print_outcome(requested, "waits for a consolidator", as_json=as_json)

    run_command(command())


def reconcile(as_json: AsJson = False) -> None:
    """Repair the state of runs after dead processes and lost messages. Safe at any time."""
    settings = start_command("reconcile")

    async def command() -> None:
        async with open_control(settings) as (_, reconciler):
            _print_report(await reconciler.reconcile(), as_json=as_json)

    run_command(command())


def _partition(text: str | None) -> UUID | int | None:
    if text is None:
        return None
    try:
        return int(text) if text.isdecimal() else UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is neither the number nor the id of a partition") from None


def _without_plan(record: Run) -> dict[str, object]:
    """The fields of a run without its plan, which is as long as all other fields together."""
    fields = msgspec.structs.asdict(record)
    del fields["plan"]
    return fields


def _runs(runs: Sequence[Run]) -> Table:
    table = Table("run", "type", "status", "started", "took", "fetched", "written", "deleted", "reason")
    for record in runs:
        took = str(record.completed_at - record.started_at).partition(".")[0] if record.completed_at else ""
        table.add_row(
            str(record.id), record.run_type, _status(record), _minute(record.started_at), took,
            f"{record.fetched:,}", f"{record.upserted:,}", f"{record.deleted:,}", record.error_message or "",
        )  # fmt: skip
    return table


def _print_run(found: Run, outline: RunOutline, partitions: Sequence[Partition], *, as_json: bool) -> None:
    if as_json:
        print_json({"run": _without_plan(found), "outline": outline, "partitions": partitions})
        return
    console = Console()
    since = _minute(found.window_from) if found.window_from else "the beginning"
    facts = facts_table(
        (
            ("Run", f"{found.id} ({found.run_type}, {found.feed})"),
            ("Status", _status(found)),
            ("Reason", f"{found.error_code}: {found.error_message}" if found.error_code else ""),
            ("Window", f"{since} to {_minute(found.window_to)}"),
            ("Started", f"{_minute(found.started_at)} by {found.started_by}"),
            ("Ended", _minute(found.completed_at)),
            ("Deadline", "" if found.completed_at else _minute(found.deadline_at)),
            ("Partitions", f"{outline.succeeded} of {outline.total} succeeded, {outline.failed} failed"),
            ("Stones read", f"{found.fetched:,}, planned {outline.planned_stones:,}"),
            ("Without an id", f"{found.unidentified:,}" if found.unidentified else ""),
            ("Consolidated", _consolidated(found)),
            ("Watermark", f"moved {_minute(found.watermark_moved_at)}" if found.watermark_moved_at else "not moved"),
            ("Forced by", found.forced_by or ""),
            ("Mass delete allowed by", found.mass_delete_allowed_by or ""),
            ("Schema differences", "\n".join(found.schema_differences)),
        )
    )
    console.print(facts)
    dimension = found.heatmap.dimension if found.heatmap else "dollar_value"
    table = Table("#", "price (USD)", "status", "tries", "read", "planned", "worker", "reason")
    for part in partitions:
        table.add_row(
            str(part.ordinal), label(_band(part), dimension), part.status,
            str(part.attempts), f"{part.fetched:,}", f"{part.planned_stones:,}", part.worker_id or "",
            part.error_message or "",
        )  # fmt: skip
    if partitions:
        console.print(table)


def _band(part: Partition) -> Band:
    return Band(
        ordinal=part.ordinal,
        kind=part.kind,
        price_from=part.price_from,
        price_to=part.price_to,
        planned=part.planned_stones,
        first_offset=part.first_offset,
    )


def _status(record: Run) -> str:
    return f"{record.status} (forced)" if record.forced_by else record.status


def _consolidated(record: Run) -> str:
    if record.consolidated_at is None:
        return ""
    return (
        f"{record.distinct_stones:,} stones ({record.repeated:,} read twice): {record.upserted:,} written, "
        f"{record.unchanged:,} unchanged, {record.quarantined:,} quarantined; {record.deleted:,} deleted, {record.revived:,} revived"
    )


def _minute(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}" if instant else ""


def _print_outcome(record: Run, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"run_id": record.id, "status": record.status, "forced_by": record.forced_by,
                          "mass_delete_allowed_by": record.mass_delete_allowed_by})  # fmt: skip
    else:
        print_text(f"Run {record.id} {what}.")


def _print_report(report: ReconcileReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    console = Console()
    for outcome, ids in (
        ("ended", report.runs_ended),
        ("settled", report.runs_settled),
        ("sent to the consolidator", report.triggers_sent),
    ):
        for run_id in ids:
            console.print(f"Run {run_id}: {outcome}.")
    if report.partitions_sent:
        console.print(f"{len(report.partitions_sent)} partitions sent again.")
    if not report.repaired:
        console.print("Nothing to repair.")
