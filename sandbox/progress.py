"""Shows how far a command is: bars in a terminal, a line of JSON now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

Step = Literal["starting", "counting", "reading", "consolidating"]

_TITLES: dict[Step, str] = {
    "starting": "Starting the servers",
    "counting": "Counting the feed",
    "reading": "Reading stones",
    "consolidating": "Consolidating",
}
_LINE_EVERY_SECONDS = 5.0


class Moment(msgspec.Struct, frozen=True):
    """Where a command is: the step, and how many stones of how many are through it; None where that is not known yet."""

    step: Step
    done: int = 0
    total: int | None = None


class Display(Protocol):
    """Where progress is shown."""

    def at(self, moment: Moment) -> None:
        """The command is here now."""

    def say(self, text: str) -> None:
        """Something that happened on the way."""


class Silent:
    """No progress, for what runs beside something that is shown."""

    def at(self, moment: Moment) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""


class Bars:
    """One bar for each step, on a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[Step, int] = {}

    def at(self, moment: Moment) -> None:
        """Move the bar of the step; those before it are full."""
        if moment.step not in self._tasks:
            self.finish()
            self._tasks[moment.step] = self._progress.add_task(_TITLES[moment.step], total=None)
        task = self._tasks[moment.step]
        self._progress.update(task, completed=moment.done, total=moment.total)  # type: ignore[arg-type]  # rich's TaskID

    def say(self, text: str) -> None:
        """Print above the bars."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def finish(self) -> None:
        """The steps so far are done."""
        for task in self._progress.tasks:
            if not task.finished:
                total = task.total if task.total is not None else 1
                self._progress.update(task.id, completed=total, total=total)


class Lines:
    """A line of JSON on stdout when a step begins and every few seconds; what happens on the way goes to stderr."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._step: Step | None = None
        self._began = self._told = 0.0

    def at(self, moment: Moment) -> None:
        """Write a line, if it is time for one."""
        now = self._monotonic()
        if moment.step != self._step:
            self._step, self._began = moment.step, now
        elif now - self._told < _LINE_EVERY_SECONDS:
            return
        self._told = now
        line = {**msgspec.structs.asdict(moment), "seconds": round(now - self._began, 1)}
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """Write to stderr."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


@contextmanager
def display() -> Iterator[Display]:
    """Bars where stdout is a terminal, lines elsewhere, for the length of a `with`."""
    console = Console()
    if not console.is_terminal:
        yield Lines()
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description:<20}"),
        BarColumn(bar_width=30),
        _Stones(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bars = Bars(progress)
        yield bars
        bars.finish()


class _Stones(ProgressColumn):
    """How many stones of how many, how fast, and how long to go."""

    def render(self, task: Task) -> Text:
        if task.total is None or task.total <= 1:
            return Text("")
        parts = [f"{int(task.completed):,} of {int(task.total):,}"]
        if task.finished:
            parts.append(f"{task.completed / (task.finished_time or 1):,.0f}/s")
        elif task.speed:
            parts.append(f"{task.speed:,.0f}/s")
            if task.time_remaining is not None:
                parts.append(f"{task.time_remaining:.0f} s to go")
        return Text("  ".join(parts))
