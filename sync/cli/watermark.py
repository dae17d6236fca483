"""`watermark show|set`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from inventory.core.clock import utc_now
from inventory.core.command_line import print_json, print_text, run_command
from inventory.core.command_options import AsJson, Yes, confirm
from inventory.core.durations import duration_text
from inventory.core.operator import operator_identity
from inventory.core.records import print_facts
from sync.cli.feeds import FeedName, start_feed_command
from sync.messaging.credential import ProcessCredential
from sync.planning.window import Watermark
from sync.watermark import manual
from sync.watermark.store import open_watermark_store

app = typer.Typer(no_args_is_help=True, help="The watermark: the instant up to which changes are in the inventory.")


@app.command(name="show")
def show_watermark(feed: FeedName = None, as_json: AsJson = False) -> None:
    """Show the watermark."""
    settings = start_feed_command("watermark", feed)

    async def command() -> None:
        async with ProcessCredential() as credential, open_watermark_store(settings, credential) as store:
            stored = await store.read()
        watermark = stored[0] if stored else None
        if as_json:
            print_json(watermark)
        elif watermark is None:
            print_text("There is no watermark yet: the next run is full.")
        else:
            print_facts(_facts(watermark))

    run_command(command())


@app.command(name="set")
def set_watermark(
    instant: Annotated[str, typer.Argument(metavar="INSTANT", help="ISO 8601, like 2026-11-23T02:00:00Z.")],
    reason: Annotated[str, typer.Option(help="Reason; stored with the watermark.")],
    feed: FeedName = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Set the watermark. An earlier instant is always safe; a later one skips the changes in between."""
    settings = start_feed_command("watermark", feed)
    if not reason.strip():
        raise typer.BadParameter("is empty; name the reason", param_hint="--reason")
    target = _instant(instant)

    async def command() -> None:
        async with ProcessCredential() as credential, open_watermark_store(settings, credential) as store:
            proposal = await manual.propose(store, target, operator_identity(), reason, utc_now)
            confirm(_question(proposal), yes=yes)
            await manual.apply(store, proposal)
        if as_json:
            print_json(proposal.watermark)
        else:
            print_facts(_facts(proposal.watermark))

    run_command(command())


def _instant(text: str) -> datetime:
    try:
        instant = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        raise typer.BadParameter(f"{text} is not an instant like 2026-11-23T02:00:00Z") from None
    if instant.utcoffset() is None:
        raise typer.BadParameter(f"{text} has no time zone; for UTC, end it with Z")
    return instant.astimezone(UTC)


def _question(proposal: manual.Proposal) -> str:
    target = proposal.watermark.last_updated_at.isoformat()
    if proposal.present is None:
        return f"There is no watermark yet. Set it to {target}? No run will read earlier changes"
    present = proposal.present.last_updated_at.isoformat()
    if proposal.skips is not None:
        return f"Move the watermark from {present} to {target}? No run will read {proposal.skips} of changes"
    return f"Move the watermark from {present} back to {target}?"


def _facts(watermark: Watermark) -> Sequence[tuple[str, str]]:
    completed = watermark.last_run_completed_at
    age = duration_text(utc_now() - watermark.last_updated_at)
    return (
        ("Taken in up to", f"{watermark.last_updated_at.isoformat()}, {age} ago"),
        ("By run", watermark.last_run_id),
        ("Completed", completed.isoformat() if completed else ""),
        ("Set by hand by", watermark.set_by or ""),
        ("Because", watermark.set_reason or ""),
    )
