"""`watermark show|set`."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from inventory.core.clock import utc_now
from inventory.core.operator import who
from sync.cli import output
from sync.cli.common import AsJson, Yes, begin, confirm, run
from sync.messaging.credential import ProcessCredential
from sync.planning.window import Watermark
from sync.watermark import manual
from sync.watermark.store import open_watermark_store

app = typer.Typer(no_args_is_help=True, help="The watermark: up to where the feed has been taken in.")


@app.command(name="show")
def show_watermark(as_json: AsJson = False) -> None:
    """Show the watermark."""
    settings = begin("watermark")

    async def command() -> None:
        async with ProcessCredential() as credential, open_watermark_store(settings, credential) as store:
            stored = await store.read()
        watermark = stored[0] if stored else None
        if as_json:
            output.as_document(watermark)
        else:
            Console().print(_facts(watermark) if watermark else "There is no watermark yet: the next run is full.")

    run(command())


@app.command(name="set")
def set_watermark(
    instant: Annotated[str, typer.Argument(metavar="INSTANT", help="ISO 8601, like 2026-11-23T02:00:00Z.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the watermark.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Set the watermark. Earlier is always safe; later skips what changed in between."""
    settings = begin("watermark")
    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    wanted = _instant(instant)

    async def command() -> None:
        async with ProcessCredential() as credential, open_watermark_store(settings, credential) as store:
            proposal = await manual.propose(store, wanted, who(), reason, utc_now)
            confirm(_question(proposal), yes=yes)
            await manual.apply(store, proposal)
        if as_json:
            output.as_document(proposal.watermark)
        else:
            Console().print(_facts(proposal.watermark))

    run(command())


def _instant(text: str) -> datetime:
    try:
        instant = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        raise typer.BadParameter(f"{text} is no instant like 2026-11-23T02:00:00Z") from None
    if instant.utcoffset() is None:
        raise typer.BadParameter(f"{text} has no time zone; for UTC, end it with Z")
    return instant.astimezone(UTC)


def _question(proposal: manual.Proposal) -> str:
    wanted = proposal.watermark.last_updated_at.isoformat()
    if proposal.present is None:
        return f"There is no watermark yet. Set it to {wanted}? What changed before that is never asked for"
    was = proposal.present.last_updated_at.isoformat()
    if proposal.skips is not None:
        return f"Move the watermark from {was} on to {wanted}? {proposal.skips} of changes are never asked for"
    return f"Move the watermark from {was} back to {wanted}?"


def _facts(watermark: Watermark) -> Table:
    facts = Table.grid(padding=(0, 2))
    completed = watermark.last_run_completed_at
    for fact, value in (
        ("Taken in up to", watermark.last_updated_at.isoformat()),
        ("By run", watermark.last_run_id),
        ("Completed", completed.isoformat() if completed else ""),
        ("Set by hand by", watermark.set_by or ""),
        ("Because", watermark.set_reason or ""),
    ):
        if value:
            facts.add_row(fact, value)
    return facts
