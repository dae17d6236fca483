"""Options that the commands of operators share, and the confirmation of an irreversible command."""

from typing import Annotated

import typer

from inventory.core.errors import Conflict

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Yes = Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")]


class NotConfirmed(Conflict):
    """The command was not confirmed and changed nothing. Confirm it in a terminal, or pass --yes."""


def confirm(question: str, *, yes: bool) -> None:
    """Ask the operator to confirm an irreversible operation.

    Raises:
        NotConfirmed: the answer is no, or stdin is not a terminal.
    """
    if yes:
        return
    try:
        confirmed = typer.confirm(question, err=True)
    except typer.Abort:
        confirmed = False
    if not confirmed:
        raise NotConfirmed
