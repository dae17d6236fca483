"""`dead-letters list|replay|discard`: messages that could not be handled."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from inventory.core.command_line import print_json, print_text, run_command, start_command
from inventory.core.command_options import AsJson, Yes, confirm
from inventory.core.counts import count_text
from inventory.core.durations import instant_text
from inventory.core.errors import NotFound
from inventory.core.logging import get_logger
from inventory.core.operator import operator_identity
from inventory.core.records import Record, format_records, terminal_width
from inventory.core.settings import Settings
from inventory.runs.dead_letters import DeadLetter
from sync.container import open_dead_letters
from sync.ports import Replayed

log = get_logger()

app = typer.Typer(no_args_is_help=True, help="Dead letters: messages that could not be handled.")

_MAX = 10_000


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
Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Numbers of dead letters, as `list` shows them.")
]
Limit = Annotated[int, typer.Option(min=1, max=_MAX, help="Largest number of messages, oldest first.")]


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
            print_text(_text(found))
        else:
            print_text("There are no dead letters.")

    run_command(command())


@app.command()
def replay(
    queue: OneQueue, numbers: Numbers = None, limit: Limit = _MAX, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Send dead letters to their queue again: those with these numbers, or the oldest ones.

    It is safe: the roles handle a repeated message once. A message whose body is not data stays a dead letter, because no
    role can read it. To read a failed partition again, use `retry`.
    """
    _handle(queue, numbers, limit, replayed=True, yes=yes, as_json=as_json)


@app.command()
def discard(
    queue: OneQueue, numbers: Numbers = None, limit: Limit = _MAX, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Discard dead letters: those with these numbers, or the oldest ones."""
    _handle(queue, numbers, limit, replayed=False, yes=yes, as_json=as_json)


def _handle(
    queue: QueueName, numbers: Sequence[int] | None, limit: int, *, replayed: bool, yes: bool, as_json: bool
) -> None:
    settings = start_command("dead-letters")
    name = queue.named(settings)
    verb = "replay" if replayed else "discard"

    async def command() -> Replayed:
        async with open_dead_letters(settings) as dead_letters:
            found = await dead_letters.peek(name, _MAX if numbers else limit)
            chosen = _chosen(found, numbers, name)
            if not chosen:
                return Replayed(0, [])
            if not (yes or as_json):
                sys.stderr.write(_text(chosen) + "\n")
            confirm(f"{verb.capitalize()} {count_text(len(chosen), 'dead letter')} of {name}?", yes=yes)
            # At most the present number: a message that fails again during the replay stays.
            if replayed:
                done = await dead_letters.replay(name, len(found), numbers)
            else:
                done = Replayed(await dead_letters.discard(name, len(found), numbers), [])
            log.warning(
                "dead_letters_handled",
                action=verb,
                queue=name,
                messages=done.messages,
                numbers=numbers,
                who=operator_identity(),
            )
            return done

    async def show_result() -> None:
        done = await command()
        if as_json:
            print_json({"queue": name, "action": verb, "messages": done.messages, "left": done.left})
            return
        print_text(f"{name}: {count_text(done.messages, 'dead letter')} {'replayed' if replayed else 'discarded'}.")
        if done.left:
            print_text(_text(done.left))
            print_text(f"{len(done.left)} left: no role can read their bodies. Inspect them, then discard them.")

    run_command(show_result())


def _chosen(found: Sequence[DeadLetter], numbers: Sequence[int] | None, queue: str) -> Sequence[DeadLetter]:
    """Select the dead letters with these numbers; all if there are none.

    Raises:
        NotFound: a number is not one of a dead letter.
    """
    if not numbers:
        return found
    by_number = {letter.sequence_number: letter for letter in found}
    unknown = [str(number) for number in numbers if number not in by_number]
    if unknown:
        raise NotFound(f"{queue} has no dead letter {', '.join(unknown)}. Nothing was changed.")
    return [by_number[number] for number in dict.fromkeys(numbers)]


def _text(found: Sequence[DeadLetter]) -> str:
    return format_records(
        ("queue", "number", "sent", "tries", "body type"),
        [
            Record(
                (
                    letter.queue, str(letter.sequence_number), instant_text(letter.sent_at),
                    str(letter.deliveries), letter.body_type,
                ),
                (f"{letter.reason}: {letter.description}" if letter.description else letter.reason, letter.body),
            )
            for letter in found
        ],
        terminal_width(),
    )  # fmt: skip
