"""`dead-letters list|replay|discard`: messages that could not be handled."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inventory.core.command_line import AsJson, Yes, confirm, print_json, print_text, run_command, start_command
from inventory.core.logging import get_logger
from inventory.core.operator import operator_identity
from inventory.core.settings import Settings
from sync.container import open_dead_letters
from sync.ports import DeadLetter, Replayed

log = get_logger()

app = typer.Typer(no_args_is_help=True, help="Dead letters: messages that could not be handled.")

_MOST = 10_000


class QueueName(StrEnum):
    """The queues by their content. The settings hold their names at the broker."""

    WORK_ITEMS = "work-items"
    WORK_DONE = "work-done"
    CONSOLIDATE = "consolidate"

    def named(self, settings: Settings) -> str:
        """The queue's name at the broker."""
        name: str = getattr(settings.service_bus, f"queue_{self.name.lower()}")
        return name


OneQueue = Annotated[QueueName, typer.Option("--queue", help="The queue.")]
Limit = Annotated[int, typer.Option(min=1, max=_MOST, help="Largest number of messages, oldest first.")]


@app.command(name="list")
def list_letters(
    queue: Annotated[QueueName | None, typer.Option("--queue", help="The queue; all three by default.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first, without removing them."""
    settings = start_command("dead-letters")

    async def command() -> None:
        async with open_dead_letters(settings) as dead_letters:
            queues = [queue] if queue else list(QueueName)
            found = [letter for name in queues for letter in await dead_letters.peek(name.named(settings), limit)]
        if as_json:
            print_json(found)
        elif found:
            print_text(_table(found))
        else:
            print_text("There are no dead letters.")

    run_command(command())


@app.command()
def replay(queue: OneQueue, limit: Limit = _MOST, yes: Yes = False, as_json: AsJson = False) -> None:
    """Send dead letters to their queue again. Safe: the roles handle a repeated message once.

    A message whose body is not data stays a dead letter: no role can read it.
    To read a failed partition again, use `retry`.
    """
    _empty(queue, limit, replayed=True, yes=yes, as_json=as_json)


@app.command()
def discard(queue: OneQueue, limit: Limit = _MOST, yes: Yes = False, as_json: AsJson = False) -> None:
    """Discard dead letters."""
    _empty(queue, limit, replayed=False, yes=yes, as_json=as_json)


def _empty(queue: QueueName, limit: int, *, replayed: bool, yes: bool, as_json: bool) -> None:
    settings = start_command("dead-letters")
    name = queue.named(settings)
    verb = "replay" if replayed else "discard"

    async def command() -> Replayed:
        async with open_dead_letters(settings) as dead_letters:
            # At most the present number: a message that fails again during the replay stays.
            present = len(await dead_letters.peek(name, limit))
            if not present:
                return Replayed(0, [])
            confirm(f"{verb.capitalize()} {present} dead letters of {name}?", yes=yes)
            if replayed:
                done = await dead_letters.replay(name, present)
            else:
                done = Replayed(await dead_letters.discard(name, present), [])
            log.warning(
                "dead_letters_handled", action=verb, queue=name, messages=done.messages, who=operator_identity()
            )
            return done

    async def show_result() -> None:
        done = await command()
        if as_json:
            print_json({"queue": name, "action": verb, "messages": done.messages, "left": done.left})
            return
        console = Console()
        console.print(f"{name}: {done.messages} dead letters {'replayed' if replayed else 'discarded'}.")
        if done.left:
            console.print(_table(done.left))
            console.print(f"{len(done.left)} left: no role can read their bodies. Inspect them, then discard them.")

    run_command(show_result())


def _table(found: Sequence[DeadLetter]) -> Table:
    table = Table("queue", "number", "sent", "reason", "description", "body type", "message")
    for letter in found:
        sent = f"{letter.sent_at:%Y-%m-%d %H:%M:%S}" if letter.sent_at else ""
        # `Text` does not interpret square brackets as markup.
        texts = (letter.reason, letter.description, letter.body_type, letter.body)
        table.add_row(letter.queue, str(letter.sequence_number), sent, *map(Text, texts))
    return table
