"""`runs watch`: live view of a run until it ends."""

import asyncio
import sys
from collections import Counter
from typing import Annotated, Self

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from inventory.core.clock import utc_now
from inventory.core.command_line import print_json_line, run_command
from inventory.core.command_options import AsJson
from inventory.core.counts import count_text
from inventory.core.database import Database
from inventory.core.durations import duration_text
from inventory.core.errors import Unavailable
from inventory.core.settings import Settings
from inventory.runs import repository
from inventory.runs.models import Run
from inventory.runs.service import RunService
from inventory.runs.watch import RunState, RunWatch
from sync.cli.feeds import RunFeed, start_feed_command
from sync.cli.run_ids import find_run_id

_POLL_SECONDS = 1.0
_BAR_WIDTH = 60
_REASONS_SHOWN = 3

# What the operator sees: the run without the fields that change with every poll.
_Seen = tuple[object, ...]


def watch_run(
    run_id: Annotated[
        str, typer.Argument(metavar="[RUN_ID]", help="Id of the run, its first characters, or `latest`.")
    ] = repository.LATEST,
    feed: RunFeed = None,
    as_json: AsJson = False,
) -> None:
    """Show the progress of a run until it ends, the newest one by default.

    In a terminal the view is redrawn; elsewhere each change is a line, and with --json one JSON document per line.
    While the database does not answer, the command waits.

    Exit code 0: the run completed. 1: it failed, is partial or was cancelled.
    """
    settings = start_feed_command("runs", feed, log_level="ERROR")
    final = run_command(_watch(settings, run_id, feed, as_json=as_json))
    raise typer.Exit(0 if final.status == "completed" else 1)


async def _watch(settings: Settings, text: str, feed: str | None, *, as_json: bool) -> Run:
    key = await find_run_id(settings, text, feed)
    async with Database.open(settings.database) as database:
        source = RunWatch(RunService(database))
        with _view(as_json=as_json) as view:
            while True:
                try:
                    state = await source.snapshot(key)
                except Unavailable as error:
                    view.interrupted(error.message)
                else:
                    view.show(state)
                    if state.over:
                        return state.run
                await asyncio.sleep(_POLL_SECONDS)


class _LineView:
    """Lines on stdout, one per change: text, or JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._last: _Seen | None = None
        self._silent = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()

    def show(self, state: RunState) -> None:
        """Print a state that differs from the last one."""
        self._silent = False
        seen = _seen(state)
        if seen == self._last:
            return
        self._last = seen
        if self._as_json:
            print_json_line(_document(state))
        else:
            sys.stdout.write(f"{utc_now():%H:%M:%S} {_line(state)}\n")
            if state.over and state.run.error_code:
                sys.stdout.write(f"{state.run.error_code}: {state.run.error_message}\n")
        sys.stdout.flush()

    def interrupted(self, reason: str) -> None:
        """Print once that the state cannot be read."""
        if not self._silent:
            sys.stderr.write(f"{reason}\n")
            self._silent = True


class _LiveView:
    """A redrawn view in a terminal. The last state stays on the screen."""

    def __init__(self) -> None:
        self._live = Live(console=Console(), auto_refresh=False)
        self._state: RunState | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, state: RunState) -> None:
        """Draw a state."""
        self._state = state
        self._live.update(_screen(state), refresh=True)

    def interrupted(self, reason: str) -> None:
        """Add to the last state that it is not up to date."""
        parts = [_screen(self._state)] if self._state else []
        self._live.update(Group(*parts, Text(f"{reason} The command continues to try.", style="yellow")), refresh=True)


def _view(*, as_json: bool) -> _LineView | _LiveView:
    return _LiveView() if sys.stdout.isatty() and not as_json else _LineView(as_json=as_json)


def _seen(state: RunState) -> _Seen:
    return (state.run.status, state.outline, state.run.consolidated_through, state.run.error_code)


def _line(state: RunState) -> str:
    run, outline = state.run, state.outline
    parts = [f"{run.status}: {outline.succeeded} of {count_text(outline.total, 'partition')}"]
    if outline.failed:
        parts.append(f"{outline.failed} failed")
    parts.append(f"{count_text(run.fetched, 'stone')} read (about {outline.planned_stones:,} expected)")
    if run.status in ("consolidating", "completed"):
        parts.append(f"{run.upserted:,} written, {run.unchanged:,} unchanged, {run.deleted:,} deleted")
    return ", ".join(parts)


def _screen(state: RunState) -> Group:
    run, outline = state.run, state.outline
    age = (run.completed_at or utc_now()) - run.started_at
    counts = Counter(part.status for part in state.partitions)
    lines = [
        Text(f"Run {run.id} ({run.run_type}, {run.feed})"),
        Text(f"{run.status}, for {duration_text(age)}" if run.is_open else f"{run.status}, after {duration_text(age)}"),
        Text(_line(state)),
        Text("  ".join(f"{status} {count}" for status, count in sorted(counts.items()))),
    ]
    reasons = Counter(part.error_message for part in state.partitions if part.error_message)
    lines += [
        Text(f"{count_text(count, 'partition')}: {reason}") for reason, count in reasons.most_common(_REASONS_SHOWN)
    ]
    if run.error_code:
        lines.append(Text(f"{run.error_code}: {run.error_message}", style="red"))
    bar = ProgressBar(total=max(outline.planned_stones, 1), completed=run.fetched, width=_BAR_WIDTH)
    return Group(*lines[:3], bar, *lines[3:])


def _document(state: RunState) -> dict[str, object]:
    run, outline = state.run, state.outline
    return {
        "run_id": run.id,
        "status": run.status,
        "partitions": outline,
        "fetched": run.fetched,
        "upserted": run.upserted,
        "unchanged": run.unchanged,
        "error_code": run.error_code,
        "error_message": run.error_message,
    }
