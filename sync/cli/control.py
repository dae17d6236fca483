"""`retry`, `consolidate`, `reconcile`: commands that repair runs."""

from typing import Annotated
from uuid import UUID

import typer

from inventory.core.command_line import print_json, print_text, run_command, start_command
from inventory.core.command_options import AsJson
from inventory.core.counts import count_text
from inventory.core.database import Database
from inventory.core.operator import operator_identity
from inventory.runs import repository, rules
from sync.cli.feeds import RunFeed, start_feed_command
from sync.cli.run_ids import RunId, find_run_id
from sync.container import open_control
from sync.operations.reconcile import ReconcileReport


def retry(
    run_id: RunId,
    partition: Annotated[
        str | None, typer.Option(metavar="P", help="Only this partition, by number or id; all failed ones by default.")
    ] = None,
    feed: RunFeed = None,
    as_json: AsJson = False,
) -> None:
    """Read the failed partitions of a run again, from the start. No later run of its feed may have started."""
    settings = start_feed_command("retry", feed)
    chosen = _partition(partition)

    async def command() -> None:
        key = await find_run_id(settings, run_id, feed)
        async with open_control(settings) as (control, _):
            retried, partitions = await control.retry(key, chosen, operator_identity())
        if as_json:
            print_json({"run_id": retried.id, "status": retried.status, "partitions": [p.id for p in partitions]})
        else:
            print_text(
                f"Run {retried.id} is {retried.status} again and reads {count_text(len(partitions), 'partition')}."
            )

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
    allow_quarantine: Annotated[
        bool,
        typer.Option(
            "--allow-quarantine", help="Accept the share of quarantined stones of this run; these are not offered."
        ),
    ] = False,
    feed: RunFeed = None,
    as_json: AsJson = False,
) -> None:
    """Request the consolidation of a run again. No later run of its feed may have started."""
    settings = start_feed_command("consolidate", feed)

    async def command() -> None:
        key = await find_run_id(settings, run_id, feed)
        async with Database.open(settings.database) as database, database.connection() as connection:
            hint = rules.consolidation_hint(
                await repository.run(connection, key),
                allow_mass_delete=allow_mass_delete,
                allow_quarantine=allow_quarantine,
            )
        async with open_control(settings) as (control, _):
            requested = await control.consolidate(
                key,
                operator_identity(),
                force=force,
                allow_mass_delete=allow_mass_delete,
                allow_quarantine=allow_quarantine,
            )
        if as_json:
            print_json(
                {
                    "run_id": requested.id,
                    "status": requested.status,
                    "forced_by": requested.forced_by,
                    "mass_delete_allowed_by": requested.mass_delete_allowed_by,
                    "quarantine_allowed_by": requested.quarantine_allowed_by,
                    "hint": hint or None,
                }
            )
        else:
            print_text(f"Run {requested.id} waits for a consolidator.")
            if hint:
                print_text(hint)

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


def _print_report(report: ReconcileReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    for outcome, ids in (
        ("ended", report.runs_ended),
        ("settled", report.runs_settled),
        ("sent to the consolidator", report.triggers_sent),
    ):
        for run_id in ids:
            print_text(f"Run {run_id}: {outcome}.")
    if report.partitions_sent:
        print_text(f"{count_text(len(report.partitions_sent), 'partition')} sent again.")
    if not report.repaired:
        print_text("Nothing to repair.")
