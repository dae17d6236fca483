"""`quarantine list`: supplier items that cannot be mapped, by problem."""

from typing import Annotated

import typer

from inventory.core.command_line import print_json, print_text, run_command, start_command
from inventory.core.command_options import AsJson
from inventory.core.database import Database
from inventory.core.records import Record, print_records
from inventory.runs import review
from sync.cli.feeds import FeedFilter
from sync.cli.run_ids import find_run_id

app = typer.Typer(no_args_is_help=True, help="Quarantine: supplier items that cannot be mapped.")

_MAX_PAYLOAD_LENGTH = 2000


@app.callback()
def quarantine() -> None:
    """Quarantine: supplier items that cannot be mapped."""


@app.command(name="list")
def list_problems(
    run_id: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN_ID", help="Only items that this run read: an id, its beginning, or latest."),
    ] = None,
    feed: FeedFilter = None,
    payloads: Annotated[bool, typer.Option("--payloads", help="Also show the payloads of up to three items.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the problems of quarantined items, the most frequent first, with up to three items of each."""
    settings = start_command("quarantine")

    async def command() -> None:
        key = await find_run_id(settings, run_id, feed) if run_id else None
        async with Database.open(settings.database) as database, database.connection() as connection:
            groups = await review.quarantine_groups(connection, key, feed)
        if as_json:
            print_json(groups)
        elif groups:
            print_records(("items", "problem"), [_record(group, payloads=payloads) for group in groups])
        else:
            print_text("No item is in quarantine.")

    run_command(command())


def _record(group: review.QuarantineGroup, *, payloads: bool) -> Record:
    examples = [one.supplier_stone_id for one in group.examples]
    notes = [f"such as {', '.join(examples)}"] if examples else []
    if payloads:
        notes += [f"{one.supplier_stone_id}: {one.payload[:_MAX_PAYLOAD_LENGTH]}" for one in group.examples]
    return Record((f"{group.items:,}", group.problem), notes)
