"""`dead-letters list|replay|discard`: messages that were put aside."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.core.logging import get_logger
from app.core.operator import who
from app.core.settings import Settings
from sync import show
from sync.ports import DeadLetter
from sync.terminal import AsJson, Yes, begin, confirm, run
from sync.wiring import open_dead_letters

log = get_logger()

app = typer.Typer(no_args_is_help=True, help="Messages that were put aside because they could not be processed.")

_MOST = 10_000


class Queue(StrEnum):
    """The queues by what they carry; what they are called stands in the settings."""

    WORK_ITEMS = "work-items"
    WORK_DONE = "work-done"
    CONSOLIDATE = "consolidate"

    def named(self, settings: Settings) -> str:
        """The queue's name at the broker."""
        name: str = getattr(settings, f"queue_{self.name.lower()}")
        return name


OneQueue = Annotated[Queue, typer.Option("--queue", help="Which queue's.")]
Limit = Annotated[int, typer.Option(min=1, max=_MOST, help="How many, from the oldest on.")]


@app.command(name="list")
def list_letters(
    queue: Annotated[Queue | None, typer.Option("--queue", help="Which queue's; all three when not given.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first. They stay where they are."""
    settings = begin("dead-letters")

    async def command() -> None:
        async with open_dead_letters(settings) as dead_letters:
            queues = [queue] if queue else list(Queue)
            found = [letter for one in queues for letter in await dead_letters.peek(one.named(settings), limit)]
        if as_json:
            show.as_document(found)
        elif found:
            Console().print(_table(found))
        else:
            Console().print("There are no dead letters.")

    run(command())


@app.command()
def replay(queue: OneQueue, limit: Limit = _MOST, yes: Yes = False, as_json: AsJson = False) -> None:
    """Send dead letters to their queue again. Safe: what is done already is not done again.

    A partition that has failed with its message is read again by `retry`, not by this.
    """
    _empty(queue, limit, replayed=True, yes=yes, as_json=as_json)


@app.command()
def discard(queue: OneQueue, limit: Limit = _MOST, yes: Yes = False, as_json: AsJson = False) -> None:
    """Throw dead letters away."""
    _empty(queue, limit, replayed=False, yes=yes, as_json=as_json)


def _empty(queue: Queue, limit: int, *, replayed: bool, yes: bool, as_json: bool) -> None:
    settings = begin("dead-letters")
    name = queue.named(settings)
    verb = "replay" if replayed else "discard"

    async def command() -> None:
        async with open_dead_letters(settings) as dead_letters:
            # No more than lie there now: one that comes back while the others are replayed stays.
            present = len(await dead_letters.peek(name, limit))
            if present:
                confirm(f"{verb.capitalize()} {present} dead letters of {name}?", yes=yes)
                act = dead_letters.replay if replayed else dead_letters.discard
                done = await act(name, present)
                log.warning("dead letters handled", action=verb, queue=name, messages=done, who=who())
            else:
                done = 0
        if as_json:
            show.as_document({"queue": name, "action": verb, "messages": done})
        else:
            Console().print(f"{name}: {done} dead letters {'replayed' if replayed else 'discarded'}.")

    run(command())


def _table(found: Sequence[DeadLetter]) -> Table:
    table = Table("queue", "number", "sent", "reason", "description", "message")
    for letter in found:
        sent = f"{letter.sent_at:%Y-%m-%d %H:%M:%S}" if letter.sent_at else ""
        table.add_row(letter.queue, str(letter.sequence_number), sent, letter.reason, letter.description, letter.body)
    return table
