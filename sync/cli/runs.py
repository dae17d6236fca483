"""`runs list|show|watch|cancel`: commands that show runs, and cancel one."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import msgspec
import typer

from inventory.core.clock import utc_now
from inventory.core.command_line import print_json, print_text, run_command, start_command
from inventory.core.command_options import AsJson
from inventory.core.counts import count_text
from inventory.core.database import Database
from inventory.core.durations import duration_text, instant_text
from inventory.core.operator import operator_identity
from inventory.core.records import Record, print_facts, print_records
from inventory.runs import repository
from inventory.runs.models import Partition, Run, RunOutline
from sync.cli import watching
from sync.cli.feeds import FeedFilter, RunFeed, start_feed_command
from sync.cli.missing import show_missing
from sync.cli.run_ids import RunId, find_run_id
from sync.container import open_control
from sync.planning.histogram import label
from sync.planning.partition import Band

app = typer.Typer(no_args_is_help=True, help="Runs: list them, show or watch one, cancel one.")
app.command(name="watch")(watching.watch_run)


@app.command(name="list")
def list_runs(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Largest number of runs, newest first.")] = 20,
    feed: FeedFilter = None,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first. Times are in UTC."""
    settings = start_command("runs")

    async def command() -> None:
        async with Database.open(settings.database) as database, database.connection() as connection:
            runs = await repository.listing(connection, feed=feed, limit=limit)
        if as_json:
            print_json([_without_plan(one) for one in runs])
        elif runs:
            print_records(("run", "status", "started", "took"), [_record(one) for one in runs])
        else:
            print_text("There are no runs yet.")

    run_command(command())


@app.command(name="show")
def show_run(
    run_id: RunId,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="Show the active diamonds that a full run did not see, which it may delete."),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, max=10_000_000, help="Largest number of diamonds that --missing shows: 1000, with --csv all of them."
        ),
    ] = None,
    feed: RunFeed = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="With --missing: print the diamonds as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a run with its partitions. Times are in UTC."""
    if as_csv and (as_json or not missing):
        raise typer.BadParameter("--csv prints the diamonds of --missing, and not together with --json")
    settings = start_feed_command("runs", feed)

    async def command() -> None:
        key = await find_run_id(settings, run_id, feed)
        async with Database.open(settings.database) as database, database.connection() as connection:
            found = await repository.run(connection, key)
            if missing:
                await show_missing(connection, found, limit, as_csv=as_csv, as_json=as_json)
                return
            outline = await repository.outline(connection, key)
            partitions = await repository.partitions(connection, key)
        _print_run(found, outline, partitions, as_json=as_json)

    run_command(command())


@app.command()
def cancel(run_id: RunId, feed: RunFeed = None, as_json: AsJson = False) -> None:
    """End an open run. Its workers stop with their next page; the watermark stays."""
    settings = start_feed_command("runs", feed)

    async def command() -> None:
        key = await find_run_id(settings, run_id, feed)
        async with open_control(settings) as (control, _):
            cancelled = await control.cancel(key, operator_identity())
        if as_json:
            print_json({"run_id": cancelled.id, "status": cancelled.status})
        else:
            print_text(f"Run {cancelled.id} was cancelled.")

    run_command(command())


def _without_plan(record: Run) -> dict[str, object]:
    """The fields of a run without its plan, which is as long as all other fields together."""
    fields = msgspec.structs.asdict(record)
    del fields["plan"]
    return fields


def _record(run: Run) -> Record:
    figures = f"{run.feed}, {run.run_type}: {run.fetched:,} fetched"
    if run.consolidated_at:
        figures += f", {run.upserted:,} written, {run.deleted:,} deleted, {run.quarantined:,} quarantined"
    return Record(
        (str(run.id), _status(run), instant_text(run.started_at), _took(run)),
        (figures, f"{run.error_code}: {run.error_message}" if run.error_code else ""),
    )


def _took(run: Run) -> str:
    return duration_text((run.completed_at or utc_now()) - run.started_at)


def _print_run(found: Run, outline: RunOutline, partitions: Sequence[Partition], *, as_json: bool) -> None:
    if as_json:
        print_json({"run": _without_plan(found), "outline": outline, "partitions": partitions})
        return
    since = instant_text(found.window_from) or "the beginning"
    print_facts(
        (
            ("Run", f"{found.id} ({found.run_type}, {found.feed})"),
            ("Status", _status(found)),
            ("Reason", f"{found.error_code}: {found.error_message}" if found.error_code else ""),
            ("Window", f"{since} to {instant_text(found.window_to)}"),
            ("Started", f"{instant_text(found.started_at)} by {found.started_by}"),
            ("Ended", f"{instant_text(found.completed_at)}, after {_took(found)}" if found.completed_at else ""),
            ("Deadline", "" if found.completed_at else _until(found)),
            ("Partitions", f"{outline.succeeded} of {outline.total} succeeded, {outline.failed} failed"),
            ("Stones read", f"{found.fetched:,}, planned {outline.planned_stones:,}"),
            ("Without an id", f"{found.unidentified:,}" if found.unidentified else ""),
            ("Consolidated", _consolidated(found)),
            ("Watermark", _watermark(found)),
            ("Forced by", found.forced_by or ""),
            ("Mass delete allowed by", found.mass_delete_allowed_by or ""),
            ("Quarantine allowed by", found.quarantine_allowed_by or ""),
            ("Schema differences", "\n".join(found.schema_differences)),
            ("Trace", found.trace_id),
        )
    )
    if partitions:
        print_text("")
        dimension = found.heatmap.dimension if found.heatmap else "dollar_value"
        print_records(
            ("#", "price (USD)", "status", "tries", "read", "planned"),
            [
                Record(
                    (
                        str(part.ordinal), label(_band(part), dimension), part.status,
                        str(part.attempts), f"{part.fetched:,}", f"{part.planned_stones:,}",
                    ),
                    (part.error_message or "", f"worker {part.worker_id}" if part.error_message and part.worker_id else ""),
                )
                for part in partitions
            ],
        )  # fmt: skip


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


def _until(run: Run) -> str:
    left = run.deadline_at - utc_now()
    rest = f"in {duration_text(left)}" if left > timedelta() else "passed"
    return f"{instant_text(run.deadline_at)}, {rest}"


def _watermark(run: Run) -> str:
    return f"moved {instant_text(run.watermark_moved_at)}" if run.watermark_moved_at else "not moved"


def _consolidated(record: Run) -> str:
    if record.consolidated_at is None:
        return ""
    return (
        f"{count_text(record.distinct_stones or 0, 'stone')} ({record.repeated:,} read twice): {record.upserted:,} written, "
        f"{record.unchanged:,} unchanged, {record.quarantined:,} quarantined; {record.deleted:,} deleted, {record.revived:,} revived"
    )
