"""Progress display of a command: bars on a terminal, lines of JSON elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

Step = Literal["starting", "scheduling", "counting", "reading", "consolidating"]

_TITLES: dict[Step, str] = {
    "starting": "Starting the servers",
    "scheduling": "Starting the sync",
    "counting": "Counting the feed",
    "reading": "Reading stones",
    "consolidating": "Consolidating",
}
_LINE_EVERY_SECONDS = 5.0


class ProgressState(msgspec.Struct, frozen=True):
    """Progress of a command: the step, and the stones that are done and in total. `total` is None while it is unknown."""

    step: Step
    done: int = 0
    total: int | None = None


class Display(Protocol):
    """Display of progress and messages."""

    def update(self, moment: ProgressState) -> None:
        """Show the progress."""

    def message(self, text: str) -> None:
        """Show a message."""


class NoDisplay:
    """Display that shows nothing, for a sync beside the displayed one."""

    def update(self, moment: ProgressState) -> None:
        """Show nothing."""

    def message(self, text: str) -> None:
        """Show nothing."""


class BarDisplay:
    """Progress bars on a terminal, one for each step."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[Step, int] = {}

    def update(self, moment: ProgressState) -> None:
        """Update the bar of the step and complete the bars before it."""
        if moment.step not in self._tasks:
            self.finish()
            self._tasks[moment.step] = self._progress.add_task(_TITLES[moment.step], total=None)
        task = self._tasks[moment.step]
        self._progress.update(task, completed=moment.done, total=moment.total)  # type: ignore[arg-type]  # rich's TaskID

    def message(self, text: str) -> None:
        """Print a message above the bars."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def finish(self) -> None:
        """Complete all bars."""
        for task in self._progress.tasks:
            if not task.finished:
                total = task.total if task.total is not None else 1
                self._progress.update(task.id, completed=total, total=total)


class JsonDisplay:
    """Lines of JSON on stdout, when a step begins and every few seconds. Messages go to stderr."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._step: Step | None = None
        self._started_at = self._written_at = 0.0

    def update(self, moment: ProgressState) -> None:
        """Write a line if the step is new or the interval is over."""
        now = self._monotonic()
        if moment.step != self._step:
            self._step, self._started_at = moment.step, now
        elif now - self._written_at < _LINE_EVERY_SECONDS:
            return
        self._written_at = now
        line = {**msgspec.structs.asdict(moment), "seconds": round(now - self._started_at, 1)}
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()

    def message(self, text: str) -> None:
        """Write a message to stderr."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


@contextmanager
def display() -> Iterator[Display]:
    """Open the display for a `with` statement: bars if stdout is a terminal, lines of JSON otherwise."""
    console = Console()
    if not console.is_terminal:
        yield JsonDisplay()
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description:<20}"),
        BarColumn(bar_width=30),
        _Stones(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bars = BarDisplay(progress)
        yield bars
        bars.finish()


class _Stones(ProgressColumn):
    """Column with the stones done, the total, the rate and the remaining time."""

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
