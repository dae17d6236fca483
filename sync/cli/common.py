"""Common parts of the commands: start, event loop and confirmation."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any

import typer
import uvloop

from inventory.core import logging
from inventory.core.errors import Conflict
from inventory.core.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


class NotConfirmed(Conflict):
    """Nothing was changed, because the command was not confirmed. Confirm it, or add --yes."""


def begin(role: str) -> Settings:
    """Read the settings and set up logging for a role."""
    settings = Settings.read()
    logging.configure(settings.log_level, settings.log_format, role)
    return settings


def run(command: Coroutine[Any, Any, None]) -> None:
    """Run a command to its end, on the faster event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(command)


def confirm(question: str, *, yes: bool) -> None:
    """Ask the operator to confirm an irreversible command.

    Raises:
        NotConfirmed: the answer was no, or there is no terminal.
    """
    if yes:
        return
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise NotConfirmed
